use std::io::{self, Write};

use clap::Subcommand;

use super::CliError;
use crate::auth::Auth;
use crate::config::Config;
use crate::db::OpenMode;
use crate::domain::Email;
use crate::server::{self, ServerError};

/// What can be done for a user.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a token that sets a new password once, within 30 minutes, for somebody who gets no
    /// mail; an older one is worth nothing from then on
    ResetLink {
        /// The account's email
        email: Email,
    },
}

impl Command {
    pub(super) fn run(&self, config: &Config) -> Result<(), CliError> {
        let Self::ResetLink { email } = self;
        let db = server::open_database(config, OpenMode::Check).map_err(ServerError::from)?;
        let settings = server::auth_settings(config);
        let auth = Auth::new(db, settings).map_err(ServerError::from)?;
        let token = auth.get_reset_password_token(email)?.expose();
        let text = match &config.accounts.reset_page {
            Some(page) => format!("{}#token={token}\n", page.get()),
            None => format!(
                "token: {token}\n\
                 curl -X PUT localhost:5000/reset_password --data-urlencode email=... \
                 -d 'reset_token={token}' --data-urlencode 'new_password=...'\n"
            ),
        };
        // Who closed the output does not want to read it.
        drop(io::stdout().write_all(text.as_bytes()));
        Ok(())
    }
}
