//! The settings of notifications.

use crate::domain::Notification;

/// The events about which owners are notified by mail. The default is all events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationSettings(Vec<Notification>);

impl NotificationSettings {
    /// Only these events.
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
