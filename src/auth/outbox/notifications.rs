//! Of which events owners are notified by mail.

use crate::domain::Notification;

/// Of what owners are told by mail; of everything, if nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationSettings(Vec<Notification>);

impl NotificationSettings {
    /// Of these and nothing else.
    #[must_use]
    pub fn only(of: impl IntoIterator<Item = Notification>) -> Self {
        Self(of.into_iter().collect())
    }

    pub(in crate::auth) fn tell(&self, of: Notification) -> bool {
        self.0.contains(&of)
    }
}

impl Default for NotificationSettings {
    fn default() -> Self {
        Self::only([
            Notification::NewDevice,
            Notification::PasswordChanged,
            Notification::EmailChanged,
            Notification::SecondFactor,
            Notification::AccountDeleted,
        ])
    }
}
