use std::io::{self, Write};

use clap::{Args, Subcommand};

use super::CliError;
use crate::config::Config;
use crate::domain::Email;
use crate::mail::{Letter, Mailer, Templates};
use crate::server::{self, ServerError};

/// What can be done about mails.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Send a mail to an address, and say what became of it
    Test(Test),
}

/// Whom to send it to.
#[derive(Debug, Args)]
pub(super) struct Test {
    /// The address
    #[arg(value_name = "EMAIL")]
    to: Email,
}

impl Command {
    pub(super) fn run(&self, config: &Config) -> Result<(), CliError> {
        match self {
            Self::Test(test) => test.run(config),
        }
    }
}

impl Test {
    fn run(&self, config: &Config) -> Result<(), CliError> {
        let templates = Templates::new(server::mail_settings(config)).map_err(ServerError::from)?;
        let mailer = server::mailer(config)?;
        let mail = templates
            .render(&Letter::Test, &self.to)
            .map_err(ServerError::from)?;
        mailer.send(&mail)?;
        let to = &self.to;
        print(&match mailer {
            Mailer::Off => "mails are off, nothing was sent\n".to_owned(),
            Mailer::Folder(folder) => {
                format!("a mail to {to} lies in {}\n", folder.path().display())
            }
            Mailer::Smtp(smtp) => format!("{} took a mail to {to}\n", smtp.host()),
            Mailer::Memory(_) => format!("a mail to {to} was kept\n"),
        });
        Ok(())
    }
}

fn print(text: &str) {
    // Who closed the output does not want to read it.
    drop(io::stdout().write_all(text.as_bytes()));
}
