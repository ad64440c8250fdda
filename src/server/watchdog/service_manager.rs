//! Notifies systemd of the state of the service.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;

/// The connection to systemd by `NOTIFY_SOCKET`. Without this variable the methods do nothing.
#[derive(Debug, Default)]
pub(in crate::server) struct ServiceManager {
    status: Mutex<String>,
    refused: AtomicBool,
}

impl ServiceManager {
    /// Whether systemd expects notifications.
    pub(in crate::server) fn is_present() -> bool {
        std::env::var_os("NOTIFY_SOCKET").is_some()
    }

    /// The time within which [`ServiceManager::alive`] has to be called, if systemd requires it.
    pub(in crate::server) fn watchdog() -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }

    pub(in crate::server) fn ready(&self) {
        self.notify(&[NotifyState::Ready]);
    }

    pub(in crate::server) fn alive(&self) {
        self.notify(&[NotifyState::Watchdog]);
    }

    /// Notifies systemd that the service is stopping. From then on `TimeoutStopSec` counts instead
    /// of the watchdog.
    pub(in crate::server) fn stopping(&self, why: &str) {
        self.notify(&[NotifyState::Stopping, NotifyState::Status(why)]);
    }

    /// Sets the status line of `systemctl status`. It is sent only when it changes.
    pub(in crate::server) fn status(&self, text: &str) {
        // In a notification, a line break would begin another entry.
        let text = text.replace(char::is_control, " ");
        let mut last = self
            .status
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if *last != text {
            self.notify(&[NotifyState::Status(&text)]);
            *last = text;
        }
    }

    fn notify(&self, states: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(states)
            && !self.refused.swap(true, Ordering::Relaxed)
        {
            log::warn!("cannot notify systemd (NOTIFY_SOCKET): {error}");
        }
    }
}
