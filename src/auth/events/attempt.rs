use super::Event;
use crate::auth::AuthError;
use crate::domain::{Client, UserId};

/// What somebody tries, for the line of the log in case that it is refused before its hash.
#[derive(Debug, Clone)]
pub struct Attempt {
    kind: Kind,
    client: Client,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Login,
    Registration,
    Reauthentication(UserId),
    Reset,
}

impl Attempt {
    pub(in crate::auth) fn login(client: &Client) -> Self {
        Self {
            kind: Kind::Login,
            client: client.clone(),
        }
    }

    pub(in crate::auth) fn registration(client: &Client) -> Self {
        Self {
            kind: Kind::Registration,
            client: client.clone(),
        }
    }

    pub(in crate::auth) fn reauthentication(user: UserId, client: &Client) -> Self {
        Self {
            kind: Kind::Reauthentication(user),
            client: client.clone(),
        }
    }

    pub(in crate::auth) fn reset(client: &Client) -> Self {
        Self {
            kind: Kind::Reset,
            client: client.clone(),
        }
    }

    /// Writes down that it was refused, and why.
    pub fn refused(&self, cause: &AuthError) {
        match self.kind {
            Kind::Login => Event::LoginFailed { user: None, cause },
            Kind::Registration => Event::RegistrationFailed { cause },
            Kind::Reauthentication(user) => Event::ReauthenticationFailed { user, cause },
            Kind::Reset => Event::PasswordChangeFailed { user: None, cause },
        }
        .log(&self.client);
    }
}
