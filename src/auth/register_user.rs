use super::events::{Attempt, Event};
use super::hasher::Place;
use super::throttle::{refuse_waiting, registration, take};
use super::{After, Auth, AuthError, Before, HashError, Hashing, Paused, Taken};
use crate::db::DbError;
use crate::domain::{Client, Email, HashedPassword, Password, User};

/// A registration, before it has begun.
#[derive(Debug)]
pub struct NewUser {
    email: Email,
    password: Password,
    client: Client,
}

/// The rest of a registration: save the user.
#[derive(Debug)]
pub struct Registration {
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
        self.begin_registration(email, password, &Client::default())?
            .run(self)
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
    ) -> Result<Paused<Registration>, AuthError> {
        self.begin(NewUser::new(
            email.clone(),
            password.clone(),
            client.clone(),
        ))
    }
}

impl Before for NewUser {
    type After = Registration;

    fn client(&self) -> &Client {
        &self.client
    }

    fn attempt(&self) -> Attempt {
        Attempt::registration(&self.client)
    }

    fn admit(&self, auth: &Auth) -> Result<(), AuthError> {
        if !auth.settings.registration_open {
            return Err(AuthError::RegistrationClosed);
        }
        Ok(auth.settings.accept(&self.password, &self.email)?)
    }

    fn recognise(&mut self, _: &Auth) -> Result<bool, AuthError> {
        Ok(false)
    }

    fn check(&self, auth: &Auth) -> Result<(), AuthError> {
        refuse_waiting(auth, &registration(auth, &self.client))
    }

    fn begin(self, auth: &Auth, place: Place) -> Result<Paused<Registration>, AuthError> {
        let work = Hashing::new(self.password, auth.settings.bcrypt_cost)?;
        let taken = take(auth, &registration(auth, &self.client))?;
        match auth.db.find_user_by(&self.email) {
            Ok(_) => Err(AuthError::AlreadyExists(self.email)),
            Err(DbError::NoResultFound) => Ok(Paused {
                place,
                work,
                after: Registration {
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

impl After for Registration {
    type Work = Hashing;
    type Output = User;

    fn taken(&self) -> Taken {
        self.taken.clone()
    }

    fn after(
        self,
        auth: &Auth,
        hashed: Result<HashedPassword, HashError>,
    ) -> Result<User, AuthError> {
        let added = hashed.map_err(AuthError::from);
        let added = added.and_then(|hashed| Ok(auth.db.add_user(&self.email, &hashed)?));
        match &added {
            Ok(user) => Event::Registered { user: user.id },
            Err(cause) => Event::RegistrationFailed { cause },
        }
        .log(&self.client);
        added
    }
}
