//! A login attempt: whether its client is known, and which rate limits it has to pass.

use super::{LOGIN_IP_LIMITS, Reservation, ThrottleSettings};
use crate::auth::{Auth, AuthError, Notification};
use crate::db::{DbError, LimitCheck, LimitRow, LoginSideEffects, LoginState, RateLimitedMail};
use crate::domain::{
    Client, ClientIp, DeviceId, Limit, LimitKey, LimitRule, NormalizedEmail, Timestamp, User,
};
use crate::mail::MailKind;

/// The account and the client of a login, before the password is checked.
#[derive(Debug, Clone)]
pub(in crate::auth) struct LoginAttempt {
    email: NormalizedEmail,
    pub(in crate::auth) client: Client,
    /// The mark by which the account knows the client; none for an unknown client.
    pub(in crate::auth) mark: Option<String>,
    /// The account and its counts, once they were looked up.
    state: Option<LoginState>,
    /// Whether the account logs in so often that its clients get no reserved permit.
    is_frequent: bool,
    /// The counts of the attempt, once it was counted.
    pub(in crate::auth) reservation: Reservation,
}

/// After how many logins within a short time an account's clients get no reserved permits.
const FREQUENT: u32 = 5;

// If the table of counts cannot be read or written, every login is refused: nothing fails open.

impl LoginAttempt {
    /// An attempt before the client was looked up.
    pub(in crate::auth) fn new(email: NormalizedEmail, client: Client) -> Self {
        Self {
            email,
            client,
            mark: None,
            state: None,
            is_frequent: false,
            reservation: Reservation::default(),
        }
    }

    /// Looks up whether the client is known, and returns the account if the client may take a
    /// reserved permit. Blocks for a lookup, unless rate limits are off.
    pub(in crate::auth) fn recognize(
        &mut self,
        auth: &Auth,
    ) -> Result<Option<NormalizedEmail>, AuthError> {
        self.recognize_by(auth, marks(&self.client))?;
        let may_take = self.mark.is_some() && !self.is_frequent;
        Ok(may_take.then(|| self.email.clone()))
    }

    /// Looks up whether the account knows the client by one of these marks. Blocks for a lookup,
    /// unless rate limits are off.
    pub(in crate::auth) fn recognize_by(
        &mut self,
        auth: &Auth,
        marks: Vec<String>,
    ) -> Result<(), AuthError> {
        (self.mark, self.state) = (None, None);
        let settings = &auth.settings.throttle;
        if !settings.throttle {
            return Ok(());
        }
        let known_key = |mark: &String| LimitKey::known(&self.email, mark);
        // Without a mark: the limits that an unknown client has to pass.
        let unknown = self.checks(settings).into_iter().map(|check| check.key);
        let keys: Vec<LimitKey> = marks.iter().map(known_key).chain(unknown).collect();
        let state = auth.db.login_state(&self.email, &marks, &keys);
        let state = state.map_err(AuthError::Unavailable)?;
        let known = marks
            .into_iter()
            .find(|mark| state.known_marks.contains(mark));
        // A known client with too many failed logins counts as unknown.
        self.mark = known.filter(|mark| {
            let key = known_key(mark);
            let row = state.rows.iter().find(|row| row.key == key);
            row.is_none_or(|row| row.fails < settings.known().limit)
        });
        let logins = LimitKey::logins(&self.email);
        let used = settings.throttle_logins.interval.saturating_mul(FREQUENT);
        let soon = auth.db.clock().now().plus(used);
        let mut rows = state.rows.iter();
        self.is_frequent = rows.any(|row| row.key == logins && row.next_at > soon);
        self.state = Some(state);
        Ok(())
    }

    /// Refuses an attempt that is over a rate limit, without a write. Blocks for a lookup if
    /// there was none yet.
    pub(in crate::auth) fn check(&self, auth: &Auth) -> Result<(), AuthError> {
        let settings = &auth.settings.throttle;
        let checks = self.checks(settings);
        match &self.state {
            Some(state) => refuse_rows(&state.rows, &checks, auth.db.clock().now()),
            None => refuse_waiting(auth, &checks),
        }
    }

    /// The user with the email, if there is one, and whether the account is disabled. Blocks for
    /// a lookup if there was none yet.
    pub(in crate::auth) fn user(&self, auth: &Auth) -> Result<(Option<User>, bool), DbError> {
        let state = match &self.state {
            Some(state) => state.clone(),
            None => auth.db.login_state(&self.email, &[], &[])?,
        };
        Ok((state.user, state.is_disabled))
    }

    /// Counts the attempt, after which the password may be checked. Blocks for a write.
    pub(in crate::auth) fn count(&mut self, auth: &Auth) -> Result<(), AuthError> {
        self.reservation = reserve(auth, &self.checks(&auth.settings.throttle))?;
        Ok(())
    }

    /// The side effects of opening a session, and the id for the client's device cookie. From now
    /// on they refund the reservation, and nothing else does, unless it is released.
    pub(in crate::auth) fn claim_session_side_effects(
        &self,
        auth: &Auth,
    ) -> (LoginSideEffects, Option<DeviceId>) {
        let settings = &auth.settings.throttle;
        if !settings.throttle {
            return (LoginSideEffects::default(), None);
        }
        let now = auth.db.clock().now();
        // An attacker may have planted a device id that they know. Only an id that this
        // account already knows is used again.
        let sent = self.client.device().copied();
        let sent = sent.filter(|_| self.mark.is_some() && self.mark == device_mark(&self.client));
        let device = sent.unwrap_or_else(DeviceId::generate);
        let device_until = now.plus(settings.throttle_device_memory);
        let mut known = vec![(device.digest().to_hex(), device_until)];
        if let Some(address) = self.client.address() {
            let until = now.plus(settings.throttle_network_memory);
            known.push((address.network().to_string(), until));
        }
        let side_effects = LoginSideEffects {
            known,
            notification: self.new_device_mail(auth, now),
            ..self.claim_side_effects(auth)
        };
        (side_effects, Some(device))
    }

    /// The notification about a login by an unknown client; none for a client without an
    /// address, such as the library's.
    fn new_device_mail(&self, auth: &Auth, at: Timestamp) -> Option<RateLimitedMail> {
        let address = self.client.address()?;
        if self.mark.is_some() || !auth.settings.accounts.tells(Notification::NewDevice) {
            return None;
        }
        let mail = MailKind::NewDevice {
            address: Some(address),
            user_agent: self.client.user_agent().map(str::to_owned),
            at,
        };
        Some(mail.within_budget(&auth.settings.throttle, &self.email))
    }

    /// The side effects of a right password where no session is opened. From now on they refund the
    /// reservation, and nothing else does, unless it is released.
    pub(in crate::auth) fn claim_side_effects(&self, auth: &Auth) -> LoginSideEffects {
        if !auth.settings.throttle.throttle {
            return LoginSideEffects::default();
        }
        let mut forget = vec![LimitKey::account(&self.email)];
        if let Some(mark) = &self.mark {
            forget.push(LimitKey::known(&self.email, mark));
        }
        let passing = |check: &LimitCheck| {
            matches!(check.rule, LimitRule::Rate(_)) && check.key.limit() != Limit::Logins
        };
        let counted = self.reservation.claim().iter();
        let refund = counted.filter(|counted| passing(counted.limit_check()));
        LoginSideEffects {
            refund: refund.cloned().collect(),
            forget,
            known: Vec::new(),
            notification: None,
        }
    }

    /// The rate limits of the attempt, in order. Network and subnet come first: a client that is
    /// refused there adds no row for an account, so that it cannot fill the table. The last
    /// limit is of logins and is not refunded after a success; the limits before it bound how
    /// many failed logins count towards it.
    fn checks(&self, settings: &ThrottleSettings) -> Vec<LimitCheck> {
        if !settings.throttle {
            return Vec::new();
        }
        let mut checks = if let Some(mark) = &self.mark {
            vec![settings.limit_check(LimitKey::known(&self.email, mark))]
        } else {
            let mut checks = LOGIN_IP_LIMITS.of(&self.client, settings);
            checks.push(settings.limit_check(LimitKey::account(&self.email)));
            checks
        };
        checks.push(settings.limit_check(LimitKey::logins(&self.email)));
        checks
    }
}

/// All marks by which an account could know a client, as they are stored: the digest of its
/// device, and its network.
pub(in crate::auth) fn marks(client: &Client) -> Vec<String> {
    let network = client.address().map(ClientIp::network);
    let network = network.map(|network| network.to_string());
    device_mark(client).into_iter().chain(network).collect()
}

/// The mark of the client's device, if it has sent a device cookie.
pub(in crate::auth) fn device_mark(client: &Client) -> Option<String> {
    client.device().map(|device| device.digest().to_hex())
}

/// Refuses a request that is over a rate limit, without a write. Blocks for a lookup.
pub(in crate::auth) fn refuse_waiting(auth: &Auth, checks: &[LimitCheck]) -> Result<(), AuthError> {
    if checks.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = checks.iter().map(|check| &check.key).collect();
    let rows = auth.db.limit_rows(&keys).map_err(AuthError::Unavailable)?;
    refuse_rows(&rows, checks, auth.db.clock().now())
}

fn refuse_rows(rows: &[LimitRow], checks: &[LimitCheck], now: Timestamp) -> Result<(), AuthError> {
    let wait = rows.iter().filter_map(|row| {
        let check = checks.iter().find(|check| check.key == row.key)?;
        Some((row.wait(&check.rule, now), row.key.limit()))
    });
    let longest = wait.max_by_key(|(wait, _)| *wait);
    match longest.filter(|(wait, _)| !wait.is_zero()) {
        None => Ok(()),
        Some((retry_after, limit)) => Err(AuthError::RateLimited { retry_after, limit }),
    }
}

/// Counts a request towards its limits. Blocks for a write, unless there are no limits.
pub(in crate::auth) fn reserve(
    auth: &Auth,
    checks: &[LimitCheck],
) -> Result<Reservation, AuthError> {
    if checks.is_empty() {
        return Ok(Reservation::default());
    }
    let counted = auth.db.count_attempt(checks);
    let counted = counted.map_err(AuthError::Unavailable)?;
    Ok(Reservation::new(counted?))
}
