//! Settings of the use cases, and which new passwords they accept.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use super::password::policy::{self, ContextWords};
use super::{EmailVerification, NotificationSettings, Registration, ThrottleSettings};
use crate::domain::{BcryptCost, Email, Password, SecondFactorPolicy};

/// How passwords are hashed and which are taken.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// The cost of new hashes; stored ones of a lower cost are renewed at the next login.
    pub bcrypt_cost: BcryptCost,
    /// The shortest new password, in code points. From 8 on, common passwords and those
    /// that anybody would try here are refused too.
    pub password_min_length: usize,
    /// What anybody would try here, beside the person's own address.
    pub context_words: ContextWords,
    /// Who may register.
    pub registration: Registration,
    /// Whether addresses have to be proved.
    pub email_verification: EmailVerification,
    /// Whether users may, or must, have a second factor.
    pub second_factor: SecondFactorPolicy,
    /// The name of the service in authenticator apps.
    pub service_name: String,
    /// Of what owners are told.
    pub notices: NotificationSettings,
    /// Threads that hash; more than the machine has cores are of no use.
    pub hash_threads: NonZeroUsize,
    /// How many hashes may wait for a thread: a bound for the memory.
    pub hash_queue: usize,
    /// The longest wait for a thread; who would wait longer, by what is measured, is refused
    /// on arrival.
    pub hash_deadline: Duration,
    /// The longest random wait of a mail before it is sent: when it comes tells nothing then of
    /// other mails.
    pub mail_spread: Duration,
    /// How guessing is slowed down.
    pub throttle: ThrottleSettings,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            bcrypt_cost: BcryptCost::default(),
            password_min_length: 1,
            context_words: ContextWords::default(),
            registration: Registration::default(),
            email_verification: EmailVerification::default(),
            second_factor: SecondFactorPolicy::default(),
            service_name: "Bienvenue".to_owned(),
            notices: NotificationSettings::default(),
            hash_threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            hash_queue: 128,
            hash_deadline: Duration::from_secs(5),
            mail_spread: Duration::from_secs(2),
            throttle: ThrottleSettings::default(),
        }
    }
}

/// Why a password is not taken as a new one; the sentence is fit for the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// Fewer code points than the settings ask for.
    #[error("password is too short: it needs {minimum} characters or more")]
    TooShort {
        /// How many it needs.
        minimum: usize,
    },
    /// One that everybody tries first.
    #[error("password is among the most common ones: please choose one that nobody would try")]
    Common,
    /// Little more than the name of the service or of the person.
    #[error(
        "password is little more than your email address or the name of this service: please add to it"
    )]
    Context,
}

impl PasswordRefused {
    /// The stable code of the refusal, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "password_too_short",
            Self::Common => "password_too_common",
            Self::Context => "password_too_obvious",
        }
    }
}

impl AuthSettings {
    /// Whether a password may become that person's.
    pub(super) fn accept(&self, password: &Password, email: &Email) -> Result<(), PasswordRefused> {
        let minimum = self.password_min_length;
        if password.characters() < minimum {
            Err(PasswordRefused::TooShort { minimum })
        } else if minimum < policy::FROM_MINIMUM {
            Ok(())
        } else {
            policy::check(password, email, &self.context_words)
        }
    }
}
