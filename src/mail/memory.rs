use std::sync::{Arc, Mutex, PoisonError};

use super::Mail;

/// Keeps what was sent, for tests. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<Mail>>>);

impl Memory {
    /// What was sent so far, oldest first.
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
