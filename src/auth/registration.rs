//! Registrations.

use super::audit::Event;
use super::executor::{Executor, Inline};
use super::outbox::message::NOTHING_TOLD;
use super::throttle::{Networks, mail_budget, refuse_waiting, take};
use super::{Auth, AuthError, EmailVerification, HashJob, Registration};
use crate::db::{BudgetedMail, DbError, NewAccount, Registered};
use crate::domain::{Client, Email, HashedPassword, Password, User};
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
            Registered::New(user) => Ok(user),
            Registered::Concealed => Err(AuthError::AlreadyExists(email.clone())),
        }
    }

    /// Registers a user, or, where registrations are concealed, notifies the owner of the address.
    ///
    /// # Errors
    /// [`AuthError::AlreadyExists`] if the email is taken in any spelling and that is not
    /// concealed, [`AuthError::PasswordRefused`] if the password is too short or too common,
    /// [`AuthError::RegistrationClosed`] where the operator has closed registration,
    /// [`AuthError::Overloaded`] if the hash would have to wait too long, and
    /// [`AuthError::Throttled`] if too many registrations come from the client's network.
    pub async fn register(
        &self,
        executor: &impl Executor,
        email: &Email,
        password: Password,
        client: &Client,
    ) -> Result<Registered, AuthError> {
        let registered = self.try_register(executor, email, password, client).await;
        match &registered {
            Ok(Registered::New(user)) => Event::Registered { user: user.id },
            Ok(Registered::Concealed) => Event::RegistrationConcealed,
            Err(cause) => Event::RegistrationFailed { cause },
        }
        .log(client);
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
        client: &Client,
    ) -> Result<Registered, AuthError> {
        if self.settings.registration == Registration::Closed {
            return Err(AuthError::RegistrationClosed);
        }
        self.settings.accept(&password, email)?;
        let hashing = HashJob::new(password, self.settings.bcrypt_cost)?;
        let limits = Networks(client).registration(&self.settings.throttle);

        // No account knows a client that registers.
        let recognize = |_: &mut Vec<_>, _: &Self| Ok(None);
        let check = |limits: &Vec<_>, auth: &Self| refuse_waiting(auth, limits);
        let admitted = self.admit(executor, client, limits, recognize, check);
        let (limits, mut permit) = admitted.await?;

        let new = email.clone();
        let count_and_look_up = move |auth: &Self| {
            let reservation = take(auth, &limits)?;
            let conceals = auth.settings.registration == Registration::Conceal;
            match auth.db.find_user_by(&new) {
                Ok(_) if !conceals => Err(AuthError::AlreadyExists(new)),
                Ok(_) | Err(DbError::NoResultFound) => Ok(reservation),
                Err(error) => {
                    auth.refund(reservation);
                    Err(error.into())
                }
            }
        };
        let reservation = self.reserve(executor, client, count_and_look_up).await?;

        let hashed = permit.run(hashing).await;
        drop(permit);
        let registered = match hashed {
            Ok(Ok(hashed)) => {
                let new = email.clone();
                let save = move |auth: &Self| Ok(auth.save_user(&new, &hashed)?);
                executor.write(self, client, save).await
            }
            Ok(Err(error)) | Err(error) => Err(error.into()),
        };
        registered.inspect_err(|cause| self.refund_if_ours(&reservation, cause))
    }

    /// Saves the user, and queues the mail that the registration causes. Blocks for a write.
    fn save_user(
        &self,
        email: &Email,
        hashed_password: &HashedPassword,
    ) -> Result<Registered, DbError> {
        let settings = &self.settings;
        let verifies = settings.email_verification != EmailVerification::Off;
        let key = email.key();
        let mail = verifies.then(|| MailKind::VerifyEmail.within_budget(&settings.throttle, &key));
        let new = NewAccount {
            email,
            hashed_password,
            mail: mail.as_ref(),
        };
        match settings.registration {
            Registration::Reveal | Registration::Closed => {
                Ok(Registered::New(self.db.register(&new)?))
            }
            Registration::Conceal => {
                let to_owner = MailKind::AlreadyRegistered.within_budget(&settings.throttle, &key);
                // The first who registers spends nothing of what the owner is told by.
                let to_nobody = BudgetedMail {
                    budget: mail_budget(&settings.throttle, NOTHING_TOLD, &key),
                    ..to_owner.clone()
                };
                let register = || self.db.register_or_tell(&new, &to_owner, &to_nobody);
                match register() {
                    // At this very moment: the second time it is seen before it is tried.
                    Err(DbError::AlreadyExists(_)) => register(),
                    registered => registered,
                }
            }
        }
    }
}
