//! Rate limits: their keys, and the kinds of rules.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::time::Duration;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use strum::{IntoStaticStr, VariantArray};

use super::{IpPrefix, NormalizedEmail, UserId};

/// A rule on consecutive failed logins: some are free, then each failure makes the wait longer,
/// until the limit locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// How many failures cause no wait.
    pub free: u32,
    /// The first wait; each further failure doubles it.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// After this many consecutive failures, all further attempts are refused.
    pub limit: u32,
    /// How long failures count. At the limit they count until they are cleared.
    pub memory: Duration,
}

/// A rule by time: a burst, then one per interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many are allowed at once.
    pub burst: u32,
    /// The time after which one more is allowed.
    pub interval: Duration,
}

/// The rule of a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitRule {
    /// By consecutive failures.
    Backoff(Backoff),
    /// By time.
    Rate(Rate),
}

/// The rate limits. [`crate::auth::ThrottleSettings::rule`] has the rule of each. Its name in
/// keys, in the log, and in what operators see is that of the variant, in kebab case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Limit {
    /// Failed logins of an account, by all unknown clients together.
    Account,
    /// Failed logins of an account, by one known client.
    Known,
    /// Logins of an account: each attempt that the limits before it let pass. Not refunded.
    Logins,
    /// Failed logins and wrong tokens of a client's network.
    Address,
    /// Failed logins and wrong tokens of a client's subnet.
    Subnet,
    /// Registrations from a client's network.
    Registration,
    /// Registrations from a client's subnet.
    RegistrationSubnet,
    /// Requests for reset mails, from a network or a known client.
    ResetRequests,
    /// Requests for reset mails, from a client's subnet.
    ResetRequestsSubnet,
    /// Mails of one kind to an address.
    Mail,
    /// The pause after each mail of a kind to an address.
    MailPause,
    /// Requests of an account for a new address.
    EmailChanges,
    /// Changes of an account that require re-authentication.
    Reauthentication,
    /// Acts of an administrator.
    AdminActs,
    /// Wrong codes of a second factor, at an account.
    SecondFactor,
    /// Requests for a challenge of a passkey, from a client's network.
    PasskeyRequests,
    /// Requests for a challenge of a passkey, from a client's subnet.
    PasskeyRequestsSubnet,
}

/// A limit and for which account, client or address it counts. Its text begins with its name. A key
/// that was made for an email has it too; one that was read has only the digest in its text.
#[derive(Debug, Clone)]
pub struct LimitKey {
    limit: Limit,
    text: String,
    email: Option<NormalizedEmail>,
}

impl Limit {
    /// All limits.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name in keys, in the log, and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    fn of(self, whom: impl fmt::Display) -> LimitKey {
        LimitKey {
            limit: self,
            text: format!("{}/{whom}", self.name()),
            email: None,
        }
    }

    /// The key of an email. Its text has the digest of the email.
    fn of_email(self, email: &NormalizedEmail, whom: impl fmt::Display) -> LimitKey {
        LimitKey {
            email: Some(email.clone()),
            ..self.of(whom)
        }
    }
}

impl Backoff {
    /// The wait after this many failures.
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

    /// How many failures beyond the free ones lead to the longest wait.
    #[must_use]
    pub fn doublings(&self) -> u32 {
        let reached =
            |doublings| self.wait_after(self.free.saturating_add(doublings)) >= self.longest_wait;
        (0..32).find(|doublings| reached(*doublings)).unwrap_or(32)
    }
}

impl Rate {
    /// The time in which the steady rate allows as many as a burst.
    #[must_use]
    pub fn span(&self) -> Duration {
        self.interval.saturating_mul(self.burst)
    }
}

impl fmt::Display for Rate {
    /// As a setting has it: `20+1/30s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+1/{}", self.burst, duration_text(self.interval))
    }
}

/// A time as a setting has it, in its largest unit: `30s`, `5m`, `7d`.
#[must_use]
pub fn duration_text(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "m")];
    let whole = units
        .iter()
        .find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit));
    whole.map_or_else(
        || format!("{seconds}s"),
        |(unit, name)| format!("{}{name}", seconds / unit),
    )
}

impl LimitKey {
    /// Failed logins of an account by unknown clients.
    #[must_use]
    pub fn account(email: &NormalizedEmail) -> Self {
        Limit::Account.of_email(email, digest(email))
    }

    /// Failed logins of an account by one known client.
    #[must_use]
    pub fn known(email: &NormalizedEmail, mark: &str) -> Self {
        Limit::Known.of_email(email, format_args!("{}/{mark}", digest(email)))
    }

    /// The range of the keys of all known clients of an account: from the first text, up to but
    /// not including the second (`0` is the character after `/`).
    #[must_use]
    pub fn known_range(email: &NormalizedEmail) -> [String; 2] {
        let digest = digest(email);
        let end = |end| Limit::Known.of(format_args!("{digest}{end}")).text;
        [end('/'), end('0')]
    }

    /// Logins of an account.
    #[must_use]
    pub fn logins(email: &NormalizedEmail) -> Self {
        Limit::Logins.of_email(email, digest(email))
    }

    /// Requests for reset mails from a known client of the account.
    #[must_use]
    pub fn reset_requests_of(email: &NormalizedEmail, mark: &str) -> Self {
        Limit::ResetRequests.of_email(email, format_args!("{}/{mark}", digest(email)))
    }

    /// Mails of a kind to an address.
    #[must_use]
    pub fn mail(kind: &str, to: &NormalizedEmail) -> Self {
        Limit::Mail.of_email(to, format_args!("{kind}/{}", digest(to)))
    }

    /// The pause after a mail of a kind to an address.
    #[must_use]
    pub fn mail_pause(kind: &str, to: &NormalizedEmail) -> Self {
        Limit::MailPause.of_email(to, format_args!("{kind}/{}", digest(to)))
    }

    /// Requests of an account for a new address.
    #[must_use]
    pub fn email_changes(user_id: UserId) -> Self {
        Limit::EmailChanges.of(user_id)
    }

    /// Changes with re-authentication. Counted by address, so that it outlives the account.
    #[must_use]
    pub fn reauthentication(email: &NormalizedEmail) -> Self {
        Limit::Reauthentication.of_email(email, digest(email))
    }

    /// Acts of an administrator.
    #[must_use]
    pub fn admin_acts(admin: UserId) -> Self {
        Limit::AdminActs.of(admin)
    }

    /// The second factor of an account, tried by any client.
    #[must_use]
    pub fn second_factor(email: &NormalizedEmail) -> Self {
        Limit::SecondFactor.of_email(email, digest(email))
    }

    /// The clients of a network or a subnet.
    #[must_use]
    pub fn of_clients(limit: Limit, prefix: &IpPrefix) -> Self {
        limit.of(prefix)
    }

    /// Parses a stored key; none if no limit has its name.
    pub(crate) fn from_stored(text: String) -> Option<Self> {
        let (name, _) = text.split_once('/')?;
        let limit = *Limit::ALL.iter().find(|limit| limit.name() == name)?;
        Some(Self {
            limit,
            text,
            email: None,
        })
    }

    /// The limit of the key.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// The name of its limit, followed by the mail kind if mails are counted.
    #[must_use]
    pub fn kind(&self) -> &str {
        let counts_mails = matches!(self.limit, Limit::Mail | Limit::MailPause);
        let parts = if counts_mails { 2 } else { 1 };
        let end = self.text.match_indices('/').nth(parts - 1);
        let end = end.map_or(self.text.len(), |(end, _)| end);
        self.text.get(..end).unwrap_or_default()
    }

    /// The subject that is counted: the key without the name of its limit.
    #[must_use]
    pub fn subject(&self) -> &str {
        let subject = self.text.split_once('/');
        subject.map_or("", |(_, subject)| subject)
    }

    /// The email that the key was made for.
    #[must_use]
    pub fn email(&self) -> Option<&NormalizedEmail> {
        self.email.as_ref()
    }

    /// The digest of the email that is counted: the first part of 64 digits.
    #[must_use]
    pub fn email_digest(&self) -> Option<&str> {
        let is_hex = |c: u8| c.is_ascii_digit() || matches!(c, b'a'..=b'f');
        self.text
            .split('/')
            .find(|part| part.len() == 64 && part.bytes().all(is_hex))
    }

    /// The key as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Keys are the same if they are stored the same.
impl PartialEq for LimitKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for LimitKey {}

impl Hash for LimitKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl FromStr for LimitKey {
    type Err = &'static str;

    /// Parses a key as it is stored.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_stored(text.to_owned()).ok_or("no limit has this name")
    }
}

impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The digest of an address. Users sometimes type their password into the field for the email,
/// so the text itself is never stored.
fn digest(email: &NormalizedEmail) -> String {
    let hash = Sha256::new()
        .chain_update("bienvenue/throttle/1")
        .chain_update(email.as_str())
        .finalize();
    HEXLOWER.encode(&hash)
}

#[cfg(test)]
mod tests;
