//! The memory transport, for tests.

use std::sync::{Arc, Mutex, PoisonError};

use super::Mail;

/// Keeps sent mails, for tests. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<Mail>>>);

impl Memory {
    /// The mails sent so far, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<Mail> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn keep(&self, mail: &Mail) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(mail.clone());
    }
}
