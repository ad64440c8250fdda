//! The expected state of accounts.

use super::{HOUR, IDLE, LIFETIME, TOUCH_AFTER};
use crate::support::authenticator::Authenticator;

pub(super) struct Account {
    pub(super) email: &'static str,
    /// None if no person knows it.
    pub(super) password: Option<usize>,
    /// Whether its owner has shown to read the mail of the address.
    pub(super) is_proved: bool,
    pub(super) is_there: bool,
    pub(super) is_disabled: bool,
    pub(super) app: Option<TotpApp>,
    pub(super) passkeys: Vec<Passkey>,
    pub(super) codes: Vec<String>,
    pub(super) codes_since: u64,
}

/// An authenticator app, and when it was set up.
pub(super) struct TotpApp {
    pub(super) secret: String,
    pub(super) since: u64,
}

/// What holds a passkey, and when it was added.
pub(super) struct Passkey {
    pub(super) key: Authenticator,
    pub(super) since: u64,
}

impl Account {
    pub(super) fn new(email: &'static str, password: usize) -> Self {
        Self {
            email,
            password: Some(password),
            is_proved: false,
            is_there: true,
            is_disabled: false,
            app: None,
            passkeys: Vec::new(),
            codes: Vec::new(),
            codes_since: 0,
        }
    }

    /// Whether a login needs a second factor.
    pub(super) fn is_guarded(&self) -> bool {
        self.app.is_some() || !self.passkeys.is_empty()
    }

    /// Without a factor there are no recovery codes.
    pub(super) fn drop_idle_codes(&mut self) {
        if !self.is_guarded() {
            self.codes.clear();
        }
    }
}

/// A capability over an account: a session or a token.
pub(super) struct Key {
    pub(super) text: String,
    pub(super) account: usize,
    /// The address that a token brings; of no meaning for sessions and resets.
    pub(super) email: &'static str,
    ends: u64,
    /// The last use of a session as it is stored.
    used: Option<u64>,
    /// The time of the change that the token undoes.
    pub(super) since: u64,
    pub(super) is_good: bool,
    /// Whether the address is kept from others until the token ends.
    pub(super) is_reserved: bool,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) now: u64,
    /// Whether a login ends the other sessions of its account.
    pub(super) has_one_session: bool,
    pub(super) accounts: Vec<Account>,
    pub(super) sessions: Vec<Key>,
    pub(super) resets: Vec<Key>,
    pub(super) changes: Vec<Key>,
    /// The tokens that take a former address back.
    pub(super) undos: Vec<Key>,
    /// The tokens of mails about second factors, which undo a change.
    pub(super) factor_undos: Vec<Key>,
    /// Logins that wait for a second factor.
    pub(super) pending: Vec<Key>,
    /// Passkeys that were removed.
    pub(super) lost: Vec<Authenticator>,
}

fn canonical(email: &str) -> String {
    email.to_lowercase()
}

pub(super) fn same(one: &str, other: &str) -> bool {
    canonical(one) == canonical(other)
}

impl Key {
    pub(super) fn is_live(&self, now: u64) -> bool {
        self.is_good && now < self.ends && self.used.is_none_or(|used| now < used + IDLE)
    }
}

/// The n-th, from the last one on.
pub(super) fn latest(keys: &[Key], nth: usize) -> Option<&Key> {
    keys.iter().rev().nth(nth)
}

pub(super) fn end(keys: &mut [Key], account: usize) {
    for key in keys.iter_mut().filter(|key| key.account == account) {
        key.is_good = false;
    }
}

impl Model {
    pub(super) fn owner(&self, email: &str) -> Option<usize> {
        let of = |account: &Account| account.is_there && same(account.email, email);
        self.accounts.iter().position(of)
    }

    /// Whether an address is kept from that account, or from people without one. It is after the
    /// account for which it is kept was deleted, too.
    pub(super) fn is_kept_from(&self, email: &str, account: Option<usize>) -> bool {
        self.undos.iter().any(|undo| {
            let is_kept = undo.is_reserved && self.now < undo.ends && same(undo.email, email);
            is_kept && account != Some(undo.account)
        })
    }

    pub(super) fn is_free_for(&self, email: &str, account: usize) -> bool {
        let owner = self.owner(email);
        owner.is_none_or(|owner| owner == account) && !self.is_kept_from(email, Some(account))
    }

    pub(super) fn delete(&mut self, account: usize) {
        self.set_password(account, None);
        end(&mut self.undos, account);
        end(&mut self.factor_undos, account);
        self.accounts[account].is_there = false;
        self.lose_passkeys(account, 0);
    }

    /// The account of a session that a request uses, if the session is valid.
    pub(super) fn touch(&mut self, text: &str) -> Option<usize> {
        let now = self.now;
        let session = self.sessions.iter_mut().find(|key| key.text == text)?;
        if !session.is_live(now) {
            return None;
        }
        session.used = session.used.map(|used| {
            let is_written = now >= used + TOUCH_AFTER;
            if is_written { now } else { used }
        });
        Some(session.account)
    }

    /// The n-th session, which a request uses, and its account if it is valid.
    pub(super) fn session(&mut self, nth: usize) -> (String, Option<usize>) {
        let text = latest(&self.sessions, nth).map(|key| key.text.clone());
        let text = text.unwrap_or("none".to_owned());
        let account = self.touch(&text);
        (text, account)
    }

    pub(super) fn is_right(&self, account: usize, with: usize) -> bool {
        self.accounts[account].password == Some(with)
    }

    pub(super) fn open(&mut self, text: String, account: usize) {
        if self.has_one_session {
            end(&mut self.sessions, account);
        }
        let mut session = key(text, account, "", self.now + LIFETIME);
        session.used = Some(self.now);
        self.sessions.push(session);
    }

    /// Sets a password, with everything that this ends.
    pub(super) fn set_password(&mut self, account: usize, password: Option<usize>) {
        self.accounts[account].password = password;
        end(&mut self.sessions, account);
        end(&mut self.resets, account);
        end(&mut self.changes, account);
        end(&mut self.pending, account);
    }

    /// The account and the address that a token restores. It restores no address that another
    /// account has and whose owner has proved it.
    pub(super) fn restorable(&self, token: Option<&Key>) -> Option<(usize, &'static str)> {
        let token = token.filter(|token| token.is_live(self.now))?;
        if self.accounts[token.account].is_disabled {
            return None;
        }
        let owner = self.owner(token.email);
        let usurper = owner.filter(|owner| *owner != token.account);
        let is_proved = usurper.is_some_and(|usurper| self.accounts[usurper].is_proved);
        (!is_proved).then_some((token.account, token.email))
    }

    /// Removes what was done to the factors of an account that is taken back.
    pub(super) fn forget_factors_since(&mut self, account: usize, since: u64) {
        let undos = self.factor_undos.iter_mut();
        for undo in undos.filter(|undo| undo.account == account && undo.since >= since) {
            undo.is_good = false;
        }
        let lost = self.lose_passkeys(account, since);
        let holder = &mut self.accounts[account];
        let newer = holder.app.take_if(|app| app.since >= since);
        if lost || newer.is_some() {
            holder.drop_idle_codes();
        }
        if holder.codes_since >= since {
            holder.codes.clear();
        }
    }

    /// Takes the passkeys that were added at a time or later. Returns whether there were any.
    pub(super) fn lose_passkeys(&mut self, account: usize, since: u64) -> bool {
        let passkeys = &mut self.accounts[account].passkeys;
        let lost = passkeys.extract_if(.., |passkey| passkey.since >= since);
        let before = self.lost.len();
        self.lost.extend(lost.map(|passkey| passkey.key));
        self.lost.len() > before
    }

    pub(super) fn reset_token(&mut self, text: String, account: usize) {
        end(&mut self.resets, account);
        let ends = self.now + HOUR / 2;
        self.resets.push(key(text, account, "", ends));
    }
}

pub(super) fn key(text: String, account: usize, email: &'static str, ends: u64) -> Key {
    Key {
        text,
        account,
        email,
        ends,
        used: None,
        since: 0,
        is_good: true,
        is_reserved: false,
    }
}
