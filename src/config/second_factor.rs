//! Settings of second factors.

use std::env;
use std::path::PathBuf;

use clap::Args;

use crate::domain::SecondFactorPolicy;

/// The systemd credential with the secret key.
const CREDENTIAL: &str = "BIENVENUE_SECRET_KEY";

/// Whether users have a second factor, and under which key it is encrypted.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Second factor")]
pub struct SecondFactor {
    /// Whether users can, or must, set up a second factor (an authenticator app)
    #[arg(
        long,
        env = "BIENVENUE_SECOND_FACTOR",
        value_name = "MODE",
        value_enum,
        default_value_t
    )]
    pub second_factor: SecondFactorPolicy,

    /// File with the key under which second factors are encrypted: 64 hexadecimal digits, as
    /// `openssl rand -hex 32` prints them, mode 600 [default: the systemd credential
    /// BIENVENUE_SECRET_KEY; else, on SQLite, a file beside the database, made at first use]
    #[arg(long, env = "BIENVENUE_SECRET_KEY_FILE", value_name = "FILE")]
    pub secret_key_file: Option<PathBuf>,
}

impl SecondFactor {
    /// The systemd credential with the secret key, if there is one and no file is named.
    #[must_use]
    pub fn secret_key_credential(&self) -> Option<PathBuf> {
        if self.secret_key_file.is_some() {
            return None;
        }
        let folder = PathBuf::from(env::var_os("CREDENTIALS_DIRECTORY")?);
        let credential = folder.is_absolute().then(|| folder.join(CREDENTIAL))?;
        credential.exists().then_some(credential)
    }
}
