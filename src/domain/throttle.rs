use std::fmt;
use std::time::Duration;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

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

/// What guesses are counted by. It has its kind in front.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ThrottleKey(String);

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

impl ThrottleKey {
    /// An account, as clients that it does not know meet it.
    #[must_use]
    pub fn account(email: &EmailKey) -> Self {
        Self(format!("account/{}", digest(email)))
    }

    /// An account, as one client that it knows meets it.
    #[must_use]
    pub fn known(email: &EmailKey, mark: &str) -> Self {
        Self(format!("known/{}/{mark}", digest(email)))
    }

    /// The range of the keys of all known clients of an account: its first text, and the one
    /// behind its last (`0` is the character behind `/`).
    #[must_use]
    pub fn known_range(email: &EmailKey) -> [String; 2] {
        let digest = digest(email);
        [format!("known/{digest}/"), format!("known/{digest}0")]
    }

    /// An account whose password is tried: the limit of right logins.
    #[must_use]
    pub fn logins(email: &EmailKey) -> Self {
        Self(format!("logins/{}", digest(email)))
    }

    /// A client's network.
    #[must_use]
    pub fn address(network: &Prefix) -> Self {
        Self(format!("address/{network}"))
    }

    /// A site.
    #[must_use]
    pub fn subnet(subnet: &Prefix) -> Self {
        Self(format!("subnet/{subnet}"))
    }

    /// A client's network, when it registers.
    #[must_use]
    pub fn registration(network: &Prefix) -> Self {
        Self(format!("registration/{network}"))
    }

    /// A site, when it registers.
    #[must_use]
    pub fn registration_subnet(subnet: &Prefix) -> Self {
        Self(format!("registration-subnet/{subnet}"))
    }

    /// A client's network, when it asks for mails with a reset token.
    #[must_use]
    pub fn reset_requests(network: &Prefix) -> Self {
        Self(format!("reset-requests/{network}"))
    }

    /// A client that the account knows, when it asks for mails with a reset token.
    #[must_use]
    pub fn reset_requests_of(email: &EmailKey, mark: &str) -> Self {
        Self(format!("reset-requests/{}/{mark}", digest(email)))
    }

    /// A site, when it asks for mails with a reset token.
    #[must_use]
    pub fn reset_requests_subnet(subnet: &Prefix) -> Self {
        Self(format!("reset-requests-subnet/{subnet}"))
    }

    /// An address, when a mail of that kind is sent to it.
    #[must_use]
    pub fn mail(kind: &str, to: &EmailKey) -> Self {
        Self(format!("mail/{kind}/{}", digest(to)))
    }

    /// The same, for the pause after each mail.
    #[must_use]
    pub fn mail_pause(kind: &str, to: &EmailKey) -> Self {
        Self(format!("mail-pause/{kind}/{}", digest(to)))
    }

    /// An account, when its owner asks for another address.
    #[must_use]
    pub fn email_changes(user_id: UserId) -> Self {
        Self(format!("email-changes/{user_id}"))
    }

    /// An account, when its owner gives the right password again for a change. By its address,
    /// so that the count outlives the account.
    #[must_use]
    pub fn reauthentication(email: &EmailKey) -> Self {
        Self(format!("reauthentication/{}", digest(email)))
    }

    pub(crate) fn from_stored(key: String) -> Self {
        Self(key)
    }

    /// What it stands for, without whom or what.
    #[must_use]
    pub fn kind(&self) -> &str {
        let of_two = self.0.starts_with("mail/") || self.0.starts_with("mail-pause/");
        let mut slashes = self.0.match_indices('/').skip(usize::from(of_two));
        let end = slashes.next().map_or(self.0.len(), |(end, _)| end);
        self.0.get(..end).unwrap_or_default()
    }

    /// The key as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ThrottleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
    fn one_account_in_two_spellings_is_one_key_and_no_key_shows_an_email() {
        let key = |text| ThrottleKey::account(&EmailKey::parse(text).unwrap());
        assert_eq!(key(" Bob@Dylan.com"), key("bob@dylan.com"));
        assert!(!key("bob@dylan.com").as_str().contains("bob"));
    }
}
