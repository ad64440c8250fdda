//! Settings and circumstances that work, and that an operator probably does not want.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::config::{Config, MailTarget};
use crate::db::{DB, users_in_file};
use crate::domain::DatabaseUrl;

/// The file that is the database where nothing else is said.
const DEFAULT_FILE: &str = "bienvenue.db";

/// Warns of what is missing in production: a mail server, a page for resets.
pub(super) fn warn_of_missing_settings(config: &Config) {
    if !config.is_https() {
        return;
    }
    let accounts = &config.accounts;
    let folder = match &accounts.mail {
        None => Some(Path::new(super::wiring::DEFAULT_FOLDER)),
        Some(MailTarget::Folder(folder)) => Some(folder.as_path()),
        Some(MailTarget::Server(_) | MailTarget::Off) => None,
    };
    if let Some(folder) = folder {
        log::warn!(
            "mails are written to the folder {} and users do not receive them: set --mail \
             (BIENVENUE_MAIL) to a mail server, or to off",
            folder.display()
        );
    }
    if accounts.reset_page.is_none() && accounts.mail != Some(MailTarget::Off) {
        log::warn!(
            "--reset-page (BIENVENUE_RESET_PAGE) is not set: mails about a forgotten password have \
             a command for a terminal instead of a link"
        );
    }
}

/// Warns of listeners and networks that let in more than the proxy and the operator.
pub(super) fn warn_of_exposure(config: &Config, listens: SocketAddr) {
    if config.is_https() && is_public(listens.ip()) {
        log::warn!(
            "the service listens on {listens}, and --public-url is https: clients that reach this \
             address without the proxy send passwords in the clear. Listen on loopback (--bind \
             127.0.0.1:5000), or let a firewall admit the proxy alone"
        );
    }
    if let Some(address) = config.listening.operator_bind
        && is_public(address.ip())
    {
        log::warn!(
            "metrics and causes of failures are served on {address} to everybody who reaches it: \
             give --operator-bind a loopback or private address"
        );
    }
    if let Some(network) = config.trusted_proxies().widest() {
        log::warn!(
            "--trusted-proxies trusts {network}: every client in it chooses the address by which \
             its guesses are counted. Name the addresses of the proxies alone"
        );
    }
}

/// Warns if the database has no users, and the file that would be the database by default has.
pub(super) fn warn_of_users_in_default_file(url: &DatabaseUrl, db: &DB) {
    let file = Path::new(DEFAULT_FILE);
    if let DatabaseUrl::Sqlite(path) = url
        && path.canonicalize().ok() == file.canonicalize().ok()
    {
        return;
    }
    let Some(users) = users_in_file(file).filter(|users| *users > 0) else {
        return;
    };
    match db.users_after(None, 1) {
        Ok(listed) if listed.is_empty() => {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
            log::warn!(
                "{url} has no users, and {} has {users}: they cannot log in here. Move them, or set \
                 DATABASE_URL=sqlite://{} to use that file",
                file.display(),
                file.display()
            );
        }
        Ok(_) => {}
        Err(error) => log::debug!("the users are not counted: {error}"),
    }
}

/// Whether machines beyond the private network may reach an address of this machine.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !(v4.is_loopback() || v4.is_private() || v4.is_link_local()),
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_loopback_addresses_are_not_public() {
        for (address, public) in [
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("192.168.0.9", false),
            ("::1", false),
            ("fd00::1", false),
            ("fe80::1", false),
            ("::ffff:127.0.0.1", false),
            ("0.0.0.0", true),
            ("::", true),
            ("203.0.113.9", true),
            ("2001:db8::1", true),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }
}
