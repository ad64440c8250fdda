//! Of which events owners are notified by mail.

use crate::domain::Notice;

/// Of what owners are told by mail; of everything, if nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notices(Vec<Notice>);

impl Notices {
    /// Of these and nothing else.
    #[must_use]
    pub fn only(of: impl IntoIterator<Item = Notice>) -> Self {
        Self(of.into_iter().collect())
    }

    pub(super) fn tell(&self, of: Notice) -> bool {
        self.0.contains(&of)
    }
}

impl Default for Notices {
    fn default() -> Self {
        Self::only([
            Notice::NewDevice,
            Notice::PasswordChanged,
            Notice::EmailChanged,
            Notice::AccountDeleted,
        ])
    }
}
