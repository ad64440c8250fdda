//! Rate limits: what is counted, for whom, and the rules that may apply.

use std::fmt;
use std::time::Duration;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use strum::{IntoStaticStr, VariantArray};

use super::{EmailKey, Prefix, UserId};

/// How failures in a row slow down further guesses: some are free, then each makes the wait
/// longer, and after so many there is no further guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// How many guesses pass at once.
    pub free: u32,
    /// The first wait; each further failure doubles it.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// After so many failures in a row there is no further guess.
    pub limit: u32,
    /// How long failures are remembered. Those at the limit are not forgotten.
    pub memory: Duration,
}

/// How many may come at once, and how fast more may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many may come at once.
    pub burst: u32,
    /// How much later one more may come.
    pub interval: Duration,
}

/// How guesses are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// By failures in a row.
    Backoff(Backoff),
    /// By time.
    Rate(Rate),
}

/// The rate limits. [`crate::auth::ThrottleSettings::rule`] has the rule of each. Its name in
/// keys, in the log, and in what operators see is that of the variant, in kebab case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Limit {
    /// Failed logins of an account, by clients that it does not know.
    Account,
    /// Failed logins of an account, by one client that it knows.
    Known,
    /// Right logins of an account.
    Logins,
    /// Failed logins and wrong tokens of a client's network.
    Address,
    /// The same of a site.
    Subnet,
    /// Registrations from a client's network.
    Registration,
    /// The same from a site.
    RegistrationSubnet,
    /// Requests for mails with a reset token, from a network or a known client.
    ResetRequests,
    /// The same from a site.
    ResetRequestsSubnet,
    /// Mails of one kind to an address.
    Mail,
    /// The pause after each of them.
    MailPause,
    /// Requests of an account for another address.
    EmailChanges,
    /// Changes of an account for which its owner gives the password again.
    Reauthentication,
    /// Wrong codes of a second factor, at an account.
    SecondFactor,
}

/// What is counted, and for whom. It is stored with the name of its limit in front.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LimitKey {
    limit: Limit,
    text: String,
}

impl Limit {
    /// All of them.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name of the limit.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    fn of(self, whom: impl fmt::Display) -> LimitKey {
        LimitKey {
            limit: self,
            text: format!("{}/{whom}", self.name()),
        }
    }
}

impl Backoff {
    /// The wait after so many failures.
    #[must_use]
    pub fn wait_after(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(doublings) => {
                let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
                self.first_wait
                    .saturating_mul(factor)
                    .min(self.longest_wait)
            }
        }
    }

    /// How many failures beyond the free ones make the wait the longest.
    #[must_use]
    pub fn doublings(&self) -> u32 {
        let reached =
            |doublings| self.wait_after(self.free.saturating_add(doublings)) >= self.longest_wait;
        (0..32).find(|doublings| reached(*doublings)).unwrap_or(32)
    }
}

impl Rate {
    /// How long the burst lasts at the steady rate.
    #[must_use]
    pub fn span(&self) -> Duration {
        self.interval.saturating_mul(self.burst)
    }
}

impl LimitKey {
    /// An account, as clients that it does not know meet it.
    #[must_use]
    pub fn account(email: &EmailKey) -> Self {
        Limit::Account.of(digest(email))
    }

    /// An account, as one client that it knows meets it.
    #[must_use]
    pub fn known(email: &EmailKey, mark: &str) -> Self {
        Limit::Known.of(format_args!("{}/{mark}", digest(email)))
    }

    /// The range of the keys of all known clients of an account: its first text, and the one
    /// behind its last (`0` is the character behind `/`).
    #[must_use]
    pub fn known_range(email: &EmailKey) -> [String; 2] {
        let digest = digest(email);
        let end = |end| Limit::Known.of(format_args!("{digest}{end}")).text;
        [end('/'), end('0')]
    }

    /// An account whose password is tried: the limit of right logins.
    #[must_use]
    pub fn logins(email: &EmailKey) -> Self {
        Limit::Logins.of(digest(email))
    }

    /// A client's network.
    #[must_use]
    pub fn address(network: &Prefix) -> Self {
        Limit::Address.of(network)
    }

    /// A site.
    #[must_use]
    pub fn subnet(subnet: &Prefix) -> Self {
        Limit::Subnet.of(subnet)
    }

    /// A client's network, when it registers.
    #[must_use]
    pub fn registration(network: &Prefix) -> Self {
        Limit::Registration.of(network)
    }

    /// A site, when it registers.
    #[must_use]
    pub fn registration_subnet(subnet: &Prefix) -> Self {
        Limit::RegistrationSubnet.of(subnet)
    }

    /// A client's network, when it asks for mails with a reset token.
    #[must_use]
    pub fn reset_requests(network: &Prefix) -> Self {
        Limit::ResetRequests.of(network)
    }

    /// A client that the account knows, when it asks for mails with a reset token.
    #[must_use]
    pub fn reset_requests_of(email: &EmailKey, mark: &str) -> Self {
        Limit::ResetRequests.of(format_args!("{}/{mark}", digest(email)))
    }

    /// A site, when it asks for mails with a reset token.
    #[must_use]
    pub fn reset_requests_subnet(subnet: &Prefix) -> Self {
        Limit::ResetRequestsSubnet.of(subnet)
    }

    /// An address, when a mail of that kind is sent to it.
    #[must_use]
    pub fn mail(kind: &str, to: &EmailKey) -> Self {
        Limit::Mail.of(format_args!("{kind}/{}", digest(to)))
    }

    /// The same, for the pause after each mail.
    #[must_use]
    pub fn mail_pause(kind: &str, to: &EmailKey) -> Self {
        Limit::MailPause.of(format_args!("{kind}/{}", digest(to)))
    }

    /// An account, when its owner asks for another address.
    #[must_use]
    pub fn email_changes(user_id: UserId) -> Self {
        Limit::EmailChanges.of(user_id)
    }

    /// An account, when its owner gives the right password again for a change. By its address,
    /// so that the count outlives the account.
    #[must_use]
    pub fn reauthentication(email: &EmailKey) -> Self {
        Limit::Reauthentication.of(digest(email))
    }

    /// An account whose second factor is tried, whoever the client is.
    #[must_use]
    pub fn second_factor(email: &EmailKey) -> Self {
        Limit::SecondFactor.of(digest(email))
    }

    /// The keys of a network or a site by which any limit counts its clients.
    pub fn of_clients(prefix: &Prefix) -> impl Iterator<Item = Self> {
        Limit::ALL.iter().map(move |limit| limit.of(prefix))
    }

    /// Reads a stored key; none if no limit has that name.
    pub(crate) fn from_stored(text: String) -> Option<Self> {
        let (name, _) = text.split_once('/')?;
        let limit = *Limit::ALL.iter().find(|limit| limit.name() == name)?;
        Some(Self { limit, text })
    }

    /// Its limit.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// The name of its limit; with the kind of mail, where mails are counted.
    #[must_use]
    pub fn kind(&self) -> &str {
        let counts_mails = matches!(self.limit, Limit::Mail | Limit::MailPause);
        let parts = if counts_mails { 2 } else { 1 };
        let end = self.text.match_indices('/').nth(parts - 1);
        let end = end.map_or(self.text.len(), |(end, _)| end);
        self.text.get(..end).unwrap_or_default()
    }

    /// What it counts: the key without the name of its limit.
    #[must_use]
    pub fn subject(&self) -> &str {
        let subject = self.text.split_once('/');
        subject.map_or("", |(_, subject)| subject)
    }

    /// The key as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An account may be none, and what was typed there a password: only its digest is kept.
fn digest(email: &EmailKey) -> String {
    let hash = Sha256::new()
        .chain_update("bienvenue/throttle/1")
        .chain_update(email.as_str())
        .finalize();
    HEXLOWER.encode(&hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Backoff {
        Backoff {
            free: 5,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(300),
            limit: 100,
            memory: Duration::from_secs(86_400),
        }
    }

    #[test]
    fn the_wait_doubles_from_the_fifth_failure_to_five_minutes() {
        let waits = [1, 4, 5, 6, 7, 12, 13, 14, 99, u32::MAX];
        let waits = waits.map(|failures| account().wait_after(failures).as_secs());
        assert_eq!(waits, [0, 0, 1, 2, 4, 128, 256, 300, 300, 300]);
        assert_eq!(account().doublings(), 9);
    }

    #[test]
    fn a_stored_key_has_the_limit_that_it_was_made_for() {
        let key = LimitKey::mail("password_reset", &EmailKey::canonical("bob@x.fr"));
        let stored = LimitKey::from_stored(key.as_str().to_owned());
        assert_eq!(stored.as_ref(), Some(&key));
        assert_eq!(
            (key.limit(), key.kind()),
            (Limit::Mail, "mail/password_reset")
        );
        for limit in Limit::ALL {
            let stored = LimitKey::from_stored(format!("{}/x", limit.name()));
            assert_eq!(stored.map(|key| key.limit()), Some(*limit));
        }
        for unknown in ["mails/x", "account", ""] {
            assert_eq!(LimitKey::from_stored(unknown.to_owned()), None);
        }
    }

    #[test]
    fn one_account_in_two_spellings_is_one_key_and_no_key_shows_an_email() {
        let key = |text| LimitKey::account(&EmailKey::parse(text).unwrap());
        assert_eq!(key(" Bob@Dylan.com"), key("bob@dylan.com"));
        assert!(!key("bob@dylan.com").as_str().contains("bob"));
    }
}
