//! The expected state of accounts.

use super::HOUR;

pub(super) struct Account {
    pub(super) email: &'static str,
    /// None if no person knows it.
    pub(super) password: Option<usize>,
    /// Whether its owner has shown to read the mail of the address.
    pub(super) is_proved: bool,
    pub(super) is_there: bool,
    pub(super) is_disabled: bool,
}

/// A capability over an account: a session or a token.
pub(super) struct Key {
    pub(super) text: String,
    pub(super) account: usize,
    /// The address that a token brings; of no meaning for sessions and resets.
    pub(super) email: &'static str,
    ends: u64,
    pub(super) is_good: bool,
    /// Whether the address is kept from others until the token ends.
    pub(super) is_reserved: bool,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) now: u64,
    pub(super) accounts: Vec<Account>,
    pub(super) sessions: Vec<Key>,
    pub(super) resets: Vec<Key>,
    pub(super) changes: Vec<Key>,
    /// The tokens that take a former address back.
    pub(super) undos: Vec<Key>,
}

fn canonical(email: &str) -> String {
    email.to_lowercase()
}

pub(super) fn same(one: &str, other: &str) -> bool {
    canonical(one) == canonical(other)
}

impl Key {
    pub(super) fn is_live(&self, now: u64) -> bool {
        self.is_good && now < self.ends
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
        self.accounts[account].is_there = false;
    }

    pub(super) fn session(&self, nth: usize) -> (String, Option<usize>) {
        match latest(&self.sessions, nth) {
            Some(key) => (key.text.clone(), key.is_good.then_some(key.account)),
            None => ("none".to_owned(), None),
        }
    }

    pub(super) fn is_right(&self, account: usize, with: usize) -> bool {
        self.accounts[account].password == Some(with)
    }

    pub(super) fn open(&mut self, text: String, account: usize) {
        self.sessions.push(key(text, account, "", u64::MAX));
    }

    /// Sets a password, with everything that this ends.
    pub(super) fn set_password(&mut self, account: usize, password: Option<usize>) {
        self.accounts[account].password = password;
        end(&mut self.sessions, account);
        end(&mut self.resets, account);
        end(&mut self.changes, account);
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
        is_good: true,
        is_reserved: false,
    }
}
