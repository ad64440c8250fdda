use super::events::{Attempt, Event};
use super::hasher::Place;
use super::outgoing::Outgoing;
use super::reauthentication::{Owner, Reauthentication};
use super::{After, Auth, AuthError, Before, Notice, Paused, Taken, Verification, Verified};
use crate::db::BudgetedMail;
use crate::domain::{Client, Email, EmailKey, Password, SessionId, SessionUser, User};

/// The deletion of an account by its owner, before it has begun.
#[derive(Debug)]
pub struct DeleteAccount(Reauthentication);

/// The rest of a deletion.
#[derive(Debug)]
pub struct AccountDeletion(Owner);

impl DeleteAccount {
    /// Describes the deletion of the account whose session that is.
    ///
    /// It ends in [`AuthError::InvalidCredentials`] for another password, and in
    /// [`AuthError::Changed`] where the stored one is another, or the session has ended, by
    /// the time the account would be deleted.
    #[must_use]
    pub fn new(
        owner: SessionUser,
        session_id: &SessionId,
        current: Password,
        client: Client,
    ) -> Self {
        Self(Reauthentication::new(owner, session_id, current, client))
    }
}

impl Before for DeleteAccount {
    type After = AccountDeletion;

    fn client(&self) -> &Client {
        self.0.client()
    }

    fn attempt(&self) -> Attempt {
        self.0.attempt()
    }

    fn recognise(&mut self, auth: &Auth) -> Result<Option<EmailKey>, AuthError> {
        self.0.recognise(auth)
    }

    fn check(&self, auth: &Auth) -> Result<(), AuthError> {
        self.0.check(auth)
    }

    fn begin(self, auth: &Auth, place: Place) -> Result<Paused<AccountDeletion>, AuthError> {
        let (place, work, owner) = self.0.begin(auth, place)?;
        let after = AccountDeletion(owner);
        Ok(Paused { place, work, after })
    }
}

impl After for AccountDeletion {
    type Work = Verification;
    type Output = User;

    fn taken(&self) -> Taken {
        self.0.taken()
    }

    fn after(self, auth: &Auth, verified: Verified) -> Result<User, AuthError> {
        let (user, client) = (self.0.user.id, self.0.client().clone());
        let deleted = self.delete(auth, &verified);
        match &deleted {
            Ok(_) => Event::UserDeleted { user },
            Err(cause) => Event::ReauthenticationFailed { user, cause },
        }
        .log(&client);
        deleted
    }
}

impl Auth {
    /// What the owner of an account is told of its end: at its address, and at those that it
    /// had before and that could still take it back.
    fn account_deleted(&self, user: &User) -> Result<Vec<BudgetedMail>, AuthError> {
        if !self.settings.notices.tell(Notice::AccountDeleted) {
            return Ok(Vec::new());
        }
        let now = self.db.clock().now();
        let mut to = vec![user.email.clone()];
        for former in self.db.former_emails_of(user.id)? {
            let email = Email::from_stored(former.email);
            if former.expires_at > now && to.iter().all(|known| known.key() != email.key()) {
                to.push(email);
            }
        }
        let notice = |to: Email| {
            let last = Some(&user.email).filter(|last| last.key() != to.key());
            let (key, last) = (to.key(), last.cloned());
            Outgoing::AccountDeleted { to, last }.within_budget(&self.settings.throttle, &key)
        };
        Ok(to.into_iter().map(notice).collect())
    }
}

impl AccountDeletion {
    fn delete(self, auth: &Auth, verified: &Verified) -> Result<User, AuthError> {
        let Self(owner) = self;
        if !verified.right {
            return Err(AuthError::InvalidCredentials);
        }
        let notices = auth.account_deleted(&owner.user)?;
        let settlement = owner.settlement(auth);
        let deleted = auth.db.delete_account(&owner.who(), &settlement, &notices);
        owner.written(deleted)?;
        auth.wake_mails();
        Ok(owner.user)
    }
}
