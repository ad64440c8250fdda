use super::events::{Attempt, Event};
use super::hasher::Place;
use super::outgoing::Outgoing;
use super::reauthentication::{Owner, Reauthentication};
use super::throttle::{email_changes, refuse_waiting};
use super::{After, Auth, AuthError, Before, Paused, Taken, Verification, Verified};
use crate::db::Asking;
use crate::domain::{Client, Email, EmailKey, Password, SessionId, SessionUser, User};

/// A request for another address by somebody who is logged in, before it has begun.
#[derive(Debug)]
pub struct ChangeEmail {
    owner: Reauthentication,
    new: Email,
}

/// The rest of it: ask the new address.
#[derive(Debug)]
pub struct EmailRequest {
    owner: Owner,
    new: Email,
}

impl ChangeEmail {
    /// Describes a request for another address for the account whose session that is. It
    /// changes nothing: a mail goes to the address, if nobody has it, and the token in it does.
    ///
    /// It ends in [`AuthError::InvalidCredentials`] for another password, in
    /// [`AuthError::Throttled`] if the account has asked too often, and in
    /// [`AuthError::Changed`] where the stored password is another, or the session has ended,
    /// by the time the mail would be queued.
    #[must_use]
    pub fn new(
        owner: SessionUser,
        session_id: &SessionId,
        current: Password,
        new: Email,
        client: Client,
    ) -> Self {
        Self {
            owner: Reauthentication::new(owner, session_id, current, client),
            new,
        }
    }
}

impl Before for ChangeEmail {
    type After = EmailRequest;

    fn client(&self) -> &Client {
        self.owner.client()
    }

    fn attempt(&self) -> Attempt {
        self.owner.attempt()
    }

    fn recognise(&mut self, auth: &Auth) -> Result<Option<EmailKey>, AuthError> {
        self.owner.recognise(auth)
    }

    fn check(&self, auth: &Auth) -> Result<(), AuthError> {
        self.owner.check(auth)?;
        let asks = email_changes(&auth.settings.throttle, self.owner.owner().id);
        refuse_waiting(auth, &asks)
    }

    fn begin(self, auth: &Auth, place: Place) -> Result<Paused<EmailRequest>, AuthError> {
        let Self { owner, new } = self;
        let (place, work, owner) = owner.begin(auth, place)?;
        let after = EmailRequest { owner, new };
        Ok(Paused { place, work, after })
    }
}

impl After for EmailRequest {
    type Work = Verification;
    type Output = User;

    fn taken(&self) -> Taken {
        self.owner.taken()
    }

    fn after(self, auth: &Auth, verified: Verified) -> Result<User, AuthError> {
        let (user, client) = (self.owner.user.id, self.owner.client().clone());
        let asked = self.ask(auth, &verified);
        match &asked {
            Ok(_) => Event::EmailChangeRequested { user },
            Err(cause) => Event::ReauthenticationFailed { user, cause },
        }
        .log(&client);
        asked
    }
}

impl EmailRequest {
    fn ask(self, auth: &Auth, verified: &Verified) -> Result<User, AuthError> {
        let Self { owner, new } = self;
        if !verified.right {
            return Err(AuthError::InvalidCredentials);
        }
        let throttle = &auth.settings.throttle;
        let mail = Outgoing::ConfirmEmail { to: new.clone() };
        let asking = Asking {
            mail: &mail.within_budget(throttle, &new.key()),
            limit: &email_changes(throttle, owner.user.id),
            settlement: &owner.settlement(auth),
        };
        let asked = auth.db.ask_for_email(&owner.who(), &new.key(), &asking);
        owner.written(asked)?;
        auth.wake_mails();
        Ok(owner.user)
    }
}
