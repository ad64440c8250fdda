//! The lines of the log about the settings at a start.

use crate::config::Config;

/// Logs the mode of the service, and warns if rate limits are off.
pub(super) fn log_startup(config: &Config) {
    match &config.listening.public_url {
        None => log::warn!(
            "trying, not serving: without --public-url cookies go over plain http and \
             passwords may be as short as {}",
            config.password_min_length()
        ),
        Some(url) => log::info!("serving {url}"),
    }
    if !config.throttling.throttle {
        log::warn!("guessing of passwords is not slowed down: --throttle is off");
    }
}
