//! Warnings at the start about valid settings that an operator probably does not want.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::auth::RelyingParty;
use crate::config::{Config, MailTarget};
use crate::db::{DB, users_in_file};
use crate::domain::DatabaseUrl;

/// The default database file.
const DEFAULT_FILE: &str = "bienvenue.db";

/// Warns in production mode if there is no mail server, or no page for password resets. Returns a
/// short form of the warnings for the status of the service.
pub(super) fn warn_of_missing_settings(config: &Config) -> Vec<String> {
    let mut remarks = Vec::new();
    if !config.is_https() {
        return remarks;
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
        let folder = folder.display();
        remarks.push(format!(
            "mails are not sent, but written to the folder {folder}"
        ));
    }
    if accounts.reset_page.is_none()
        && !config.pages.pages
        && accounts.mail != Some(MailTarget::Off)
    {
        log::warn!(
            "--pages is off and --reset-page (BIENVENUE_RESET_PAGE) is not set: password reset mails contain a \
             command for a terminal instead of a link"
        );
        remarks.push("there is no page for password resets".to_owned());
    }
    remarks
}

/// Warns if others than the proxy and the operator can reach the listeners.
pub(super) fn warn_of_exposure(config: &Config, listens: SocketAddr) {
    if config.is_https() && is_public(listens.ip()) {
        log::warn!(
            "the service listens on {listens}, and --public-url is https: clients that reach this \
             address without the proxy send passwords unencrypted. Listen on loopback (--bind \
             127.0.0.1:5000), or admit only the proxy by a firewall"
        );
    }
    if let Some(address) = config.listening.operator_bind
        && is_public(address.ip())
    {
        log::warn!(
            "the ops listener serves metrics and error details on the public address {address}: \
             set --operator-bind to a loopback or private address"
        );
    }
    if let Some(network) = config.trusted_proxies().widest() {
        log::warn!(
            "--trusted-proxies contains the large network {network}: clients in it can evade rate \
             limits by forged addresses. Set it to the addresses of your proxies only"
        );
    }
}

/// The default database file with its number of users, if it has some and the database has none.
/// Blocks.
#[must_use]
pub fn users_in_default_file(url: &DatabaseUrl, db: &DB) -> Option<(PathBuf, u64)> {
    let file = Path::new(DEFAULT_FILE);
    if let DatabaseUrl::Sqlite(path) = url
        && path.canonicalize().ok() == file.canonicalize().ok()
    {
        return None;
    }
    let users = users_in_file(file).filter(|users| *users > 0)?;
    match db.users_after(None, 1) {
        Ok(listed) if listed.is_empty() => {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
            Some((file, users))
        }
        Ok(_) => None,
        Err(error) => {
            log::debug!("cannot count the users: {error}");
            None
        }
    }
}

/// Warns if the database has no users but the default database file has.
pub(super) fn warn_of_users_in_default_file(url: &DatabaseUrl, db: &DB) {
    if let Some((file, users)) = users_in_default_file(url, db) {
        log::warn!(
            "{url} has no users, and {} has {users}: they cannot log in here. Move them, or set \
             DATABASE_URL=sqlite://{} to use that file",
            file.display(),
            file.display()
        );
    }
}

/// Warns if there are passkeys for another host than the one of `--public-url`.
pub(super) fn warn_of_passkeys_of_another_host(party: Option<&RelyingParty>, db: &DB) {
    let rp_id = party.map_or("", RelyingParty::id);
    match db.passkeys_of_another_host(rp_id) {
        Ok(Some((host, count))) => log::warn!(
            "{count} passkeys were registered for the host {host} and cannot be used: --public-url \
             names another one. Set it back, or let their users log in with another second factor \
             or a recovery code and add passkeys again"
        ),
        Ok(None) => {}
        Err(error) => log::debug!("cannot count the passkeys: {error}"),
    }
}

/// Whether an address of this machine may be reachable from outside the private network.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
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
