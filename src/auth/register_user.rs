use super::{After, Auth, AuthError, HashError, Hashing, Paused};
use crate::db::DbError;
use crate::domain::{Client, Email, HashedPassword, Password, User};

/// The rest of a registration: save the user.
#[derive(Debug)]
pub struct Registration {
    email: Email,
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

    /// Registers a user as far as the hash. Blocks for one look-up.
    ///
    /// # Errors
    /// As [`Auth::register_user`].
    pub fn begin_registration(
        &self,
        email: &Email,
        password: &Password,
        _client: &Client,
    ) -> Result<Paused<Registration>, AuthError> {
        if !self.settings.registration_open {
            return Err(AuthError::RegistrationClosed);
        }
        self.settings.accept(password, email)?;
        let place = self.place()?;
        match self.db.find_user_by(email) {
            Ok(_) => Err(AuthError::AlreadyExists(email.clone())),
            Err(DbError::NoResultFound) => Ok(Paused {
                place,
                work: Hashing::new(password.clone(), self.settings.bcrypt_cost)?,
                after: Registration {
                    email: email.clone(),
                },
            }),
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
        Ok(auth.db.add_user(&self.email, &hashed?)?)
    }
}
