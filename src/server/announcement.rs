use crate::config::Config;

/// Tells the log what was chosen, and what an operator should know of it.
pub(super) fn announce(config: &Config) {
    match &config.listening.public_url {
        None => log::warn!(
            "trying, not serving: without --public-url cookies go over plain http and \
             passwords may be as short as {}",
            config.password_min_length()
        ),
        Some(url) => log::info!("serving {url}"),
    }
    let idle = config.without_effect();
    if !idle.is_empty() {
        log::warn!(
            "checked, and without effect in this version: {}",
            idle.join(", ")
        );
    }
    if config.is_https() {
        log::warn!("this version does not throttle guessing; the proxy in front has to");
    }
}
