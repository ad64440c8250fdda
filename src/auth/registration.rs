//! Registrations.

use super::audit::Event;
use super::executor::{Executor, Inline};
use super::throttle::{NOTHING_TOLD, REGISTRATION_IP_LIMITS, mail_budget, refuse_waiting, reserve};
use super::{Auth, AuthError, EmailVerification, Registration};
use crate::db::{DbError, NewUserRow, RateLimitedMail, RegistrationOutcome};
use crate::domain::{
    Client, Email, HashedPassword, Invitation, InvitationToken, Language, Password, User,
};
use crate::mail::MailKind;

impl Auth {
    /// Registers a user. Blocks for one hash and one write.
    ///
    /// # Errors
    /// [`AuthError::AlreadyExists`] (`User <email> already exists`) if the email is taken in
    /// any spelling, and the errors of [`Auth::register`].
    pub fn register_user(&self, email: &Email, password: &Password) -> Result<User, AuthError> {
        let client = Client::default();
        let registered = self.register(&Inline, email, password.clone(), &client);
        match pollster::block_on(registered)? {
            RegistrationOutcome::New(user) => Ok(user),
            RegistrationOutcome::Concealed => Err(AuthError::AlreadyExists(email.clone())),
        }
    }

    /// Registers a user. With concealed registration, a taken address is not an error, and its
    /// owner gets a mail.
    ///
    /// # Errors
    /// [`AuthError::AlreadyExists`] if the email is taken in any spelling and registration is not
    /// concealed, [`AuthError::PasswordPolicyError`] if the password violates the policy,
    /// [`AuthError::RegistrationClosed`] if the operator has closed registration,
    /// [`AuthError::Overloaded`] if the hash would wait too long, and [`AuthError::RateLimited`] if
    /// too many registrations come from the client's network.
    pub async fn register(
        &self,
        executor: &impl Executor,
        email: &Email,
        password: Password,
        client: &Client,
    ) -> Result<RegistrationOutcome, AuthError> {
        let registered = self.try_register(executor, email, password, None, client);
        self.after_registration(registered.await, client)
    }

    /// The invitation of a token, if it is valid. Blocks for one lookup.
    ///
    /// # Errors
    /// [`AuthError::InvalidInvitation`] for one that is wrong, used, expired or revoked.
    pub fn invitation(&self, token: &InvitationToken) -> Result<Invitation, AuthError> {
        let found = self.db.find_invitation(&token.digest());
        found.map_err(invalid_invitation)
    }

    /// Registers a user by an invitation, also where registration is closed. The user joins the
    /// group of the invitation, and an address that it names counts as verified.
    ///
    /// # Errors
    /// [`AuthError::InvalidInvitation`] for one that is wrong, used, expired, revoked, or for
    /// another address, and the errors of [`Auth::register`].
    pub async fn register_invited(
        &self,
        executor: &impl Executor,
        email: &Email,
        password: Password,
        token: &InvitationToken,
        client: &Client,
    ) -> Result<RegistrationOutcome, AuthError> {
        let registered = self.try_register(executor, email, password, Some(*token), client);
        self.after_registration(registered.await, client)
    }

    fn after_registration(
        &self,
        registered: Result<RegistrationOutcome, AuthError>,
        client: &Client,
    ) -> Result<RegistrationOutcome, AuthError> {
        match &registered {
            Ok(RegistrationOutcome::New(user)) => Event::registered(user.id),
            Ok(RegistrationOutcome::Concealed) => Event::registration_concealed(),
            Err(cause) => Event::registration_failed(cause),
        }
        .log(&self.audit, client);
        if registered.is_ok() {
            self.wake_mails();
        }
        registered
    }

    async fn try_register(
        &self,
        executor: &impl Executor,
        email: &Email,
        password: Password,
        invitation: Option<InvitationToken>,
        client: &Client,
    ) -> Result<RegistrationOutcome, AuthError> {
        if let Some(token) = invitation {
            let find = move |auth: &Self| auth.invitation(&token);
            let invitation = executor.read(self, client, find).await?;
            if !invitation.is_for(email) {
                return Err(AuthError::InvalidInvitation);
            }
        } else if self.settings.accounts.registration == Registration::Closed {
            return Err(AuthError::RegistrationClosed);
        }
        self.settings.accept(&password, Some(email))?;
        let limits = REGISTRATION_IP_LIMITS.of(client, &self.settings.throttle);

        // A client that registers is not known to any account.
        let recognize = |_: &mut Vec<_>, _: &Self| Ok(None);
        let check = |limits: &Vec<_>, auth: &Self| refuse_waiting(auth, limits);
        let admitted = self.admit(executor, client, limits, recognize, check);
        let (limits, mut permit) = admitted.await?;

        let new = email.clone();
        let count_and_look_up = move |auth: &Self| {
            let reservation = reserve(auth, &limits)?;
            let conceals = auth.settings.accounts.registration == Registration::Conceal;
            match auth.db.find_user_by(&new) {
                Ok(_) if !conceals => Err(AuthError::AlreadyExists(new)),
                Ok(_) | Err(DbError::NoResultFound) => Ok(reservation),
                Err(error) => {
                    auth.refund(&reservation);
                    Err(error.into())
                }
            }
        };
        let reservation = self
            .run_count_step(executor, client, count_and_look_up)
            .await?;

        let hashed = permit
            .hash(password, self.settings.passwords.bcrypt_cost)
            .await;
        drop(permit);
        let registered = match hashed {
            Ok(hashed) => {
                let new = email.clone();
                let language = client.language();
                let save =
                    move |auth: &Self| auth.save_user(&new, &hashed, invitation.as_ref(), language);
                executor.write(self, client, save).await
            }
            Err(error) => Err(error.into()),
        };
        registered.inspect_err(|cause| self.refund_if_ours(&reservation, cause))
    }

    /// Adds the user and queues the mail of the registration. Blocks for a write.
    fn save_user(
        &self,
        email: &Email,
        hashed_password: &HashedPassword,
        invitation: Option<&InvitationToken>,
        language: Option<Language>,
    ) -> Result<RegistrationOutcome, AuthError> {
        let settings = &self.settings;
        let verifies = settings.accounts.email_verification != EmailVerification::Off;
        let key = email.key();
        let mail = verifies.then(|| MailKind::VerifyEmail.within_budget(&settings.throttle, &key));
        let invitation = invitation.map(InvitationToken::digest);
        let new = NewUserRow {
            email,
            hashed_password,
            mail: mail.as_ref(),
            language,
            invitation: invitation.as_ref(),
        };
        let registered = match settings.accounts.registration {
            Registration::Reveal | Registration::Closed => {
                self.db.register(&new).map(RegistrationOutcome::New)
            }
            Registration::Conceal => {
                let to_owner = MailKind::AlreadyRegistered.within_budget(&settings.throttle, &key);
                // A budget of its own: a registration must not spend the budget of the owner's
                // mails.
                let decoy = RateLimitedMail {
                    budget: mail_budget(&settings.throttle, NOTHING_TOLD, &key),
                    ..to_owner.clone()
                };
                let register = || self.db.register_concealed(&new, &to_owner, &decoy);
                match register() {
                    // The email was taken at the same moment. The second try sees that first.
                    Err(DbError::AlreadyExists(_)) => register(),
                    registered => registered,
                }
            }
        };
        registered.map_err(invalid_invitation)
    }
}

/// A registration finds no row only if its invitation is not valid.
fn invalid_invitation(error: DbError) -> AuthError {
    AuthError::unless_missing(error, AuthError::InvalidInvitation)
}
