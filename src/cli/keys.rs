//! `bienvenue keys`: the key under which second factors are encrypted.

use clap::Subcommand;

use super::audit::OperatorEvent;
use super::database::Options;
use super::output::Progress;
use super::{CliError, database};
use crate::auth::Auth;
use crate::config::Config;
use crate::server::{self, ServerError};

/// The subcommands of `keys`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Encrypt all second factors under a new key, which replaces the one in the file. A service
    /// that reads the same file continues meanwhile; a systemd credential is read at a restart only
    #[command(after_help = "Example: bienvenue keys rotate")]
    Rotate,
}

impl Command {
    pub(super) fn run(&self, config: &Config, options: Options) -> Result<(), CliError> {
        match self {
            Self::Rotate => rotate(config, options),
        }
    }
}

fn rotate(config: &Config, options: Options) -> Result<(), CliError> {
    let db = database::open(config, options)?;
    let auth = Auth::new(db.clone(), server::auth_settings(config)).map_err(ServerError::from)?;
    let auth = auth.with_secret_keys(server::secret_keys(config));
    let progress = Progress::running("encrypting second factors under a new key");
    let resealed = auth.rotate_secret_key()?;
    drop(progress);
    let database = &database::name(config);
    let factors = if resealed == 1 { "factor" } else { "factors" };
    OperatorEvent {
        event: "secret_key_rotated",
        sentence: "second factors encrypted under a new key",
        count: Some(resealed),
        database,
        db: Some(&db),
        ..OperatorEvent::default()
    }
    .report_with(
        options,
        &format!("encrypted {resealed} second {factors} under a new key in {database}\n"),
    );
    Ok(())
}
