//! Tells systemd the state of the service.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;

/// systemd, if it gave the process a `NOTIFY_SOCKET`. Without it the methods do nothing.
#[derive(Debug, Default)]
pub(in crate::server) struct ServiceManager {
    status: Mutex<String>,
    refused: AtomicBool,
}

impl ServiceManager {
    /// Whether systemd wants to be notified.
    pub(in crate::server) fn is_present() -> bool {
        std::env::var_os("NOTIFY_SOCKET").is_some()
    }

    /// Within which time [`ServiceManager::alive`] has to be called, if systemd asks for it.
    pub(in crate::server) fn watchdog() -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }

    pub(in crate::server) fn ready(&self) {
        self.notify(&[NotifyState::Ready]);
    }

    pub(in crate::server) fn alive(&self) {
        self.notify(&[NotifyState::Watchdog]);
    }

    /// The service is ending: from now on `TimeoutStopSec` counts, and no watchdog.
    pub(in crate::server) fn stopping(&self, why: &str) {
        self.notify(&[NotifyState::Stopping, NotifyState::Status(why)]);
    }

    /// The line that `systemctl status` shows. Sent only when it changes.
    pub(in crate::server) fn status(&self, text: &str) {
        // A message has one entry a line.
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
            log::warn!("NOTIFY_SOCKET takes no messages: {error}");
        }
    }
}
