use super::events::Event;
use super::hasher::Place;
use super::{After, Auth, AuthError, HashError, Hashing, Paused};
use crate::db::DbError;
use crate::domain::{Client, Email, HashedPassword, Password, User};

/// The rest of a registration: save the user.
#[derive(Debug)]
pub struct Registration {
    email: Email,
    client: Client,
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
        self.begin_registration(email, password, Client::default())?
            .run(self)
    }

    /// Registers a user as far as the hash. Blocks for one look-up.
    ///
    /// # Errors
    /// As [`Auth::register_user`].
    pub fn begin_registration(
        &self,
        email: &Email,
        password: &Password,
        client: Client,
    ) -> Result<Paused<Registration>, AuthError> {
        match self.new_account(email, password) {
            Ok((place, work)) => Ok(Paused {
                place,
                work,
                after: Registration {
                    email: email.clone(),
                    client,
                },
            }),
            Err(cause) => {
                Event::RegistrationFailed { cause: &cause }.log(&client);
                Err(cause)
            }
        }
    }

    fn new_account(
        &self,
        email: &Email,
        password: &Password,
    ) -> Result<(Place, Hashing), AuthError> {
        if !self.settings.registration_open {
            return Err(AuthError::RegistrationClosed);
        }
        self.settings.accept(password, email)?;
        let place = self.place()?;
        match self.db.find_user_by(email) {
            Ok(_) => Err(AuthError::AlreadyExists(email.clone())),
            Err(DbError::NoResultFound) => {
                let work = Hashing::new(password.clone(), self.settings.bcrypt_cost)?;
                Ok((place, work))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl After for Registration {
    type Work = Hashing;
    type Output = User;

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
