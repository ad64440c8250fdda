//! Tells systemd the state of the service.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;

/// Whoever started the process and wants to hear how it is doing: systemd, by `NOTIFY_SOCKET`.
/// Where there is nobody, what is said here goes nowhere.
#[derive(Debug, Default)]
pub(in crate::server) struct Manager {
    status: Mutex<String>,
    refused: AtomicBool,
}

impl Manager {
    /// Whether anybody listens.
    pub(in crate::server) fn listens() -> bool {
        std::env::var_os("NOTIFY_SOCKET").is_some()
    }

    /// Within which time it wants to hear that all is well, if it wants to.
    pub(in crate::server) fn watchdog() -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }

    pub(in crate::server) fn ready(&self) {
        self.tell(&[NotifyState::Ready]);
    }

    pub(in crate::server) fn alive(&self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    /// The service is ending: from now on `TimeoutStopSec` counts, and no watchdog.
    pub(in crate::server) fn stopping(&self, why: &str) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status(why)]);
    }

    /// The line that `systemctl status` shows. Said again only when it changes.
    pub(in crate::server) fn status(&self, text: &str) {
        // A message has one entry a line.
        let text = text.replace(char::is_control, " ");
        let mut last = self
            .status
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if *last != text {
            self.tell(&[NotifyState::Status(&text)]);
            *last = text;
        }
    }

    fn tell(&self, what: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(what)
            && !self.refused.swap(true, Ordering::Relaxed)
        {
            log::warn!("NOTIFY_SOCKET takes no messages: {error}");
        }
    }
}
