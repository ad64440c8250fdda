//! Questions to the operator: passwords and confirmations.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use clap::Args;
use zeroize::Zeroizing;

use super::CliError;
use crate::domain::Password;

/// The longest line that is read as a password: more than any password, in bytes.
const LONGEST: u64 = 4096;

/// Asks for a new password twice, without echo. If standard input is not a terminal, reads the
/// password from its first line. Blocks.
pub(super) fn new_password() -> Result<Password, CliError> {
    let text = if io::stdin().is_terminal() {
        let ask = |question| rpassword::prompt_password(question).map(Zeroizing::new);
        let first = ask("New password: ")?;
        if *first != *ask("The same again: ")? {
            return Err(CliError::PasswordsDiffer);
        }
        first
    } else {
        first_line()?
    };
    Ok(Password::parse(&text)?)
}

fn first_line() -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    io::stdin().lock().take(LONGEST).read_line(&mut line)?;
    let end = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(end);
    Ok(line)
}

/// The flag of commands that delete something, or end something for all users.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Confirmation {
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

impl Confirmation {
    /// Asks whether to continue, without the flag. Without a terminal there is no answer. Blocks.
    pub(super) fn ask(self, question: &str) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(CliError::NotConfirmed);
        }
        let mut stderr = io::stderr();
        write!(stderr, "{question} [y/N] ")?;
        stderr.flush()?;
        let mut answer = String::new();
        io::stdin().lock().take(LONGEST).read_line(&mut answer)?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            Ok(())
        } else {
            Err(CliError::NotConfirmed)
        }
    }
}
