//! The latest mails of a service in development mode, for its page of mails.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Mail;

/// How many mails are kept.
const KEPT: usize = 20;

/// The latest mails, in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct RecentMails(Arc<Mutex<VecDeque<Mail>>>);

impl RecentMails {
    /// The mails, newest first.
    #[must_use]
    pub fn newest_first(&self) -> Vec<Mail> {
        self.lock().iter().rev().cloned().collect()
    }

    /// Keeps a mail, and logs its link.
    pub(super) fn keep(&self, mail: &Mail) {
        {
            let mut mails = self.lock();
            if mails.len() == KEPT {
                mails.pop_front();
            }
            mails.push_back(mail.clone());
        }
        let link = mail.link().unwrap_or("it has no link");
        log::info!(
            "development mode: mail to {}: {}: {link}",
            mail.to,
            mail.subject
        );
    }

    /// Nothing panics while it holds the lock, so the mails are still consistent.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Mail>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
