//! The log lines about the mode of the service at the start.

use crate::config::Config;

/// Logs the mode of the service, and warns if rate limits are off.
pub(super) fn log_startup(config: &Config) {
    match &config.listening.public_url {
        None => log::warn!(
            "development mode: without an https --public-url, cookies are sent over plain http \
             and passwords may be as short as {}",
            config.password_min_length()
        ),
        Some(url) if config.is_https() => log::info!("production mode: serving {url}"),
        Some(url) => log::info!("development mode: serving {url}"),
    }
    if !config.throttling.throttle {
        log::warn!("rate limits are off (--throttle off): password guessing is not limited");
    }
}
