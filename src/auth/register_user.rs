use super::events::{Attempt, Event};
use super::hasher::Place;
use super::outgoing::{NOTHING_TOLD, Outgoing};
use super::throttle::{Networks, mail_budget, refuse_waiting, take};
use super::{
    After, Auth, AuthError, Before, EmailVerification, HashError, Hashing, Paused, Registration,
    Taken,
};
use crate::db::{BudgetedMail, Charge, DbError, NewAccount, Registered};
use crate::domain::{Client, Email, EmailKey, HashedPassword, Password, User};

/// A registration, before it has begun.
#[derive(Debug)]
pub struct NewUser {
    email: Email,
    password: Password,
    client: Client,
}

/// The rest of a registration: save the user.
#[derive(Debug)]
pub struct Registering {
    email: Email,
    client: Client,
    taken: Taken,
}

impl NewUser {
    /// Describes a registration.
    #[must_use]
    pub fn new(email: Email, password: Password, client: Client) -> Self {
        Self {
            email,
            password,
            client,
        }
    }

    fn limits(&self, auth: &Auth) -> Vec<Charge> {
        Networks(&self.client).registration(&auth.settings.throttle)
    }
}

impl Auth {
    /// Registers a user. Blocks for one hash and one write.
    ///
    /// # Errors
    /// [`AuthError::AlreadyExists`] (`User <email> already exists`) if the email is taken in
    /// any spelling, [`AuthError::PasswordRefused`] if the password is too short or too common,
    /// [`AuthError::RegistrationClosed`] if nobody may register, [`AuthError::Overloaded`] if
    /// the hash would have to wait too long.
    pub fn register_user(&self, email: &Email, password: &Password) -> Result<User, AuthError> {
        let registered = self
            .begin_registration(email, password, &Client::default())?
            .run(self)?;
        match registered {
            Registered::New(user) => Ok(user),
            Registered::Taken => Err(AuthError::AlreadyExists(email.clone())),
        }
    }

    /// Registers a user as far as the hash. Blocks for two look-ups and a write.
    ///
    /// # Errors
    /// As [`Auth::register_user`], and [`AuthError::Throttled`] if too many registrations
    /// come from the client's network.
    pub fn begin_registration(
        &self,
        email: &Email,
        password: &Password,
        client: &Client,
    ) -> Result<Paused<Registering>, AuthError> {
        self.begin(NewUser::new(
            email.clone(),
            password.clone(),
            client.clone(),
        ))
    }
}

impl Before for NewUser {
    type After = Registering;

    fn client(&self) -> &Client {
        &self.client
    }

    fn attempt(&self) -> Attempt {
        Attempt::registration(&self.client)
    }

    fn admit(&self, auth: &Auth) -> Result<(), AuthError> {
        if auth.settings.registration == Registration::Closed {
            return Err(AuthError::RegistrationClosed);
        }
        Ok(auth.settings.accept(&self.password, &self.email)?)
    }

    fn recognise(&mut self, _: &Auth) -> Result<Option<EmailKey>, AuthError> {
        Ok(None)
    }

    fn check(&self, auth: &Auth) -> Result<(), AuthError> {
        refuse_waiting(auth, &self.limits(auth))
    }

    fn begin(self, auth: &Auth, place: Place) -> Result<Paused<Registering>, AuthError> {
        let limits = self.limits(auth);
        let work = Hashing::new(self.password, auth.settings.bcrypt_cost)?;
        let taken = take(auth, &limits)?;
        let conceals = auth.settings.registration == Registration::Conceal;
        match auth.db.find_user_by(&self.email) {
            Ok(_) if !conceals => Err(AuthError::AlreadyExists(self.email)),
            Ok(_) | Err(DbError::NoResultFound) => Ok(Paused {
                place,
                work,
                after: Registering {
                    email: self.email,
                    client: self.client,
                    taken,
                },
            }),
            Err(error) => {
                auth.give_back(taken);
                Err(error.into())
            }
        }
    }
}

impl After for Registering {
    type Work = Hashing;
    type Output = Registered;

    fn taken(&self) -> Taken {
        self.taken.clone()
    }

    fn after(
        self,
        auth: &Auth,
        hashed: Result<HashedPassword, HashError>,
    ) -> Result<Registered, AuthError> {
        let added = hashed.map_err(AuthError::from);
        let added = added.and_then(|hashed| Ok(self.save(auth, &hashed)?));
        match &added {
            Ok(Registered::New(user)) => Event::Registered { user: user.id },
            Ok(Registered::Taken) => Event::RegistrationConcealed,
            Err(cause) => Event::RegistrationFailed { cause },
        }
        .log(&self.client);
        if added.is_ok() {
            auth.wake_mails();
        }
        added
    }
}

impl Registering {
    fn save(&self, auth: &Auth, hashed_password: &HashedPassword) -> Result<Registered, DbError> {
        let settings = &auth.settings;
        let verifies = settings.email_verification != EmailVerification::Off;
        let key = self.email.key();
        let mail = verifies.then(|| Outgoing::VerifyEmail.within_budget(&settings.throttle, &key));
        let new = NewAccount {
            email: &self.email,
            hashed_password,
            mail: mail.as_ref(),
        };
        match settings.registration {
            Registration::Reveal | Registration::Closed => {
                Ok(Registered::New(auth.db.register(&new)?))
            }
            Registration::Conceal => {
                let to_owner = Outgoing::AlreadyRegistered.within_budget(&settings.throttle, &key);
                // The first who registers spends nothing of what the owner is told by.
                let to_nobody = BudgetedMail {
                    budget: mail_budget(&settings.throttle, NOTHING_TOLD, &key),
                    ..to_owner.clone()
                };
                let register = || auth.db.register_or_tell(&new, &to_owner, &to_nobody);
                match register() {
                    // At this very moment: the second time it is seen before it is tried.
                    Err(DbError::AlreadyExists(_)) => register(),
                    registered => registered,
                }
            }
        }
    }
}
