use super::{Networks, Taken, ThrottleSettings};
use crate::auth::outgoing::Outgoing;
use crate::auth::{Auth, AuthError, Notice};
use crate::db::{BudgetedMail, Charge, Limited, Settlement};
use crate::domain::{Client, ClientAddress, DeviceId, EmailKey, Rule, ThrottleKey, Timestamp};

/// A password that is about to be tried: at which account, and by whom.
#[derive(Debug, Clone)]
pub(in crate::auth) struct Guess {
    email: EmailKey,
    client: Client,
    /// What the account knows the client by.
    mark: Option<Mark>,
    /// Whether the account logs in so often that no place is kept for its clients.
    is_frequent: bool,
}

/// How many logins of an account within a short time keep its clients from kept places.
const FREQUENT: u32 = 5;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Mark {
    Device(String),
    Network(String),
}

// Where guesses cannot be read or counted, nobody is let in: whatever ails the table.

impl Mark {
    fn text(&self) -> &str {
        match self {
            Self::Device(text) | Self::Network(text) => text,
        }
    }
}

impl Guess {
    /// A guess of a client of which it is not known yet whether the account knows it.
    pub(in crate::auth) fn new(email: EmailKey, client: Client) -> Self {
        Self {
            email,
            client,
            mark: None,
            is_frequent: false,
        }
    }

    pub(in crate::auth) fn email(&self) -> &EmailKey {
        &self.email
    }

    pub(in crate::auth) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the account's owner has logged in there before.
    pub(in crate::auth) fn is_known(&self) -> bool {
        self.mark.is_some()
    }

    /// The account, if it knows the client and a place in the hashing queue is kept for it.
    pub(in crate::auth) fn keeps_place(&self) -> Option<EmailKey> {
        (self.is_known() && !self.is_frequent).then(|| self.email.clone())
    }

    /// What the account knows the client by.
    pub(in crate::auth) fn mark(&self) -> Option<&str> {
        self.mark.as_ref().map(Mark::text)
    }

    /// Finds out whether the account knows the client. Blocks for two look-ups, for a client
    /// that could be known.
    pub(in crate::auth) fn recognise(&mut self, auth: &Auth) -> Result<(), AuthError> {
        let network = self.client.address().map(ClientAddress::network);
        let network = network.map(|network| Mark::Network(network.to_string()));
        self.recognise_by(auth, self.device().into_iter().chain(network).collect())
    }

    /// Finds out whether the account knows the client's device. Blocks for two look-ups, for a
    /// client that shows one.
    pub(in crate::auth) fn recognise_device(&mut self, auth: &Auth) -> Result<(), AuthError> {
        self.recognise_by(auth, self.device().into_iter().collect())
    }

    fn device(&self) -> Option<Mark> {
        let digest = self.client.device().map(DeviceId::digest)?;
        Some(Mark::Device(digest.to_hex()))
    }

    fn recognise_by(&mut self, auth: &Auth, marks: Vec<Mark>) -> Result<(), AuthError> {
        self.mark = None;
        if marks.is_empty() || !auth.settings.throttle.on {
            return Ok(());
        }
        let texts: Vec<&str> = marks.iter().map(Mark::text).collect();
        let known = auth
            .db
            .known_marks(&self.email, &texts)
            .map_err(AuthError::Unavailable)?;
        let mut known = marks
            .into_iter()
            .filter(|mark| known.iter().any(|known| known == mark.text()));
        let Some(mark) = known.next() else {
            return Ok(());
        };
        // Who has failed so often is not believed to be the owner any more.
        let key = ThrottleKey::known(&self.email, mark.text());
        let logins = ThrottleKey::logins(&self.email);
        let rows = auth
            .db
            .throttle_rows(&[&key, &logins])
            .map_err(AuthError::Unavailable)?;
        let settings = &auth.settings.throttle;
        let used = settings.logins.interval.saturating_mul(FREQUENT);
        let soon = auth.db.clock().now().plus(used);
        self.is_frequent = rows.iter().any(|r| r.key == logins && r.next_at > soon);
        let limit = settings.known.limit;
        if rows.iter().all(|row| row.key != key || row.fails < limit) {
            self.mark = Some(mark);
        }
        Ok(())
    }

    /// Refuses a guess that has to wait anyway, without a write. Blocks for a look-up.
    pub(in crate::auth) fn check(&self, auth: &Auth) -> Result<(), AuthError> {
        refuse_waiting(auth, &self.charges(&auth.settings.throttle))
    }

    /// Counts the guess, which may be checked then. Blocks for a write.
    pub(in crate::auth) fn take(&self, auth: &Auth) -> Result<Taken, AuthError> {
        take(auth, &self.charges(&auth.settings.throttle))
    }

    /// What a right guess settles, and what the client shows next time.
    pub(in crate::auth) fn settlement(
        &self,
        auth: &Auth,
        taken: &Taken,
    ) -> (Settlement, Option<DeviceId>) {
        let settings = &auth.settings.throttle;
        if !settings.on {
            return (Settlement::default(), None);
        }
        let now = auth.db.clock().now();
        // One that somebody else has put there may show up elsewhere: only one that this
        // account has given out is used again.
        let device = match &self.mark {
            Some(Mark::Device(_)) => self.client.device().copied(),
            Some(Mark::Network(_)) | None => None,
        };
        let device = device.unwrap_or_else(DeviceId::generate);
        let device_until = now.plus(settings.device_memory);
        let mut known = vec![(device.digest().to_hex(), device_until)];
        if let Some(address) = self.client.address() {
            let until = now.plus(settings.network_memory);
            known.push((address.network().to_string(), until));
        }
        let settlement = Settlement {
            known,
            stranger: self.stranger(auth, now),
            ..self.right(auth, taken)
        };
        (settlement, Some(device))
    }

    /// What the owner is told of a login from where the account was not used before; nothing
    /// of one that comes from nowhere, such as the library's.
    fn stranger(&self, auth: &Auth, at: Timestamp) -> Option<BudgetedMail> {
        let address = self.client.address()?;
        if self.is_known() || !auth.settings.notices.tell(Notice::NewDevice) {
            return None;
        }
        let mail = Outgoing::NewDevice {
            address: Some(address),
            user_agent: self.client.user_agent().map(str::to_owned),
            at,
        };
        Some(mail.within_budget(&auth.settings.throttle, &self.email))
    }

    /// What a right guess settles where nobody logs in.
    pub(in crate::auth) fn right(&self, auth: &Auth, taken: &Taken) -> Settlement {
        if !auth.settings.throttle.on {
            return Settlement::default();
        }
        let mut forget = vec![ThrottleKey::account(&self.email)];
        if let Some(mark) = &self.mark {
            forget.push(ThrottleKey::known(&self.email, mark.text()));
        }
        let logins = ThrottleKey::logins(&self.email);
        let passing =
            |charge: &Charge| matches!(charge.rule, Rule::Rate(_)) && charge.key != logins;
        let counted = taken.claim().iter();
        Settlement {
            give_back: counted
                .filter(|counted| passing(counted.charge()))
                .cloned()
                .collect(),
            forget,
            known: Vec::new(),
            stranger: None,
        }
    }

    /// The counts that it has to pass. The client's network and site come first: an account's
    /// count is not begun for who is refused there, so that nobody fills the table. The last one
    /// is not given back to a right login: it limits those. Wrong ones, which are few by the
    /// other limits, leave it filled.
    fn charges(&self, settings: &ThrottleSettings) -> Vec<Charge> {
        if !settings.on {
            return Vec::new();
        }
        let mut charges = match &self.mark {
            Some(mark) => vec![Charge {
                key: ThrottleKey::known(&self.email, mark.text()),
                rule: Rule::Backoff(settings.known),
            }],
            None => {
                let mut charges = Networks(&self.client).charges(settings);
                charges.push(Charge {
                    key: ThrottleKey::account(&self.email),
                    rule: Rule::Backoff(settings.account),
                });
                charges
            }
        };
        charges.push(Charge {
            key: ThrottleKey::logins(&self.email),
            rule: Rule::Rate(settings.logins),
        });
        charges
    }
}

/// Refuses who has to wait, without a write. Blocks for a look-up.
pub(in crate::auth) fn refuse_waiting(auth: &Auth, charges: &[Charge]) -> Result<(), AuthError> {
    if charges.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = charges.iter().map(|charge| &charge.key).collect();
    let rows = auth
        .db
        .throttle_rows(&keys)
        .map_err(AuthError::Unavailable)?;
    let now = auth.db.clock().now();
    let wait = rows.iter().filter_map(|row| {
        let charge = charges.iter().find(|charge| charge.key == row.key)?;
        Some(row.wait(&charge.rule, now))
    });
    match wait.max().filter(|wait| !wait.is_zero()) {
        None => Ok(()),
        Some(retry_after) => Err(AuthError::Throttled { retry_after }),
    }
}

/// Counts something. Blocks for a write, if there is something to count.
pub(in crate::auth) fn take(auth: &Auth, charges: &[Charge]) -> Result<Taken, AuthError> {
    if charges.is_empty() {
        return Ok(Taken::default());
    }
    match auth
        .db
        .count_guess(charges)
        .map_err(AuthError::Unavailable)?
    {
        Ok(counted) => Ok(Taken::new(counted)),
        Err(Limited { wait: retry_after }) => Err(AuthError::Throttled { retry_after }),
    }
}
