//! `bienvenue mail`: commands on queued mails, and a test mail.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::database::Options;
use super::output::{Part, print, print_json};
use super::{CliError, database};
use crate::config::Config;
use crate::db::OutboxEntry;
use crate::domain::{Email, Language, Timestamp, UserId};
use crate::mail::{MailDraft, MailKind, Mailer, Templates};
use crate::server::{self, ServerError};

/// The commands on mails.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Send a test mail to an address, and say whether the mail server accepted it
    #[command(
        after_help = "Example: bienvenue mail test you@example.org\n\nExit codes: 0 if the mail server accepted it, else 1; 78 with --mail off"
    )]
    Test(Test),
    /// Show the mails in the queue, the oldest first: number, user, attempts, age, the time until
    /// the next attempt, and kind
    #[command(after_help = "Example: bienvenue mail queue --limit 20")]
    Queue(Part),
    /// Make all mails in the queue due now
    #[command(after_help = "Example: bienvenue mail retry")]
    Retry,
}

/// The recipient of a test mail.
#[derive(Debug, Args)]
pub(super) struct Test {
    /// Address of the recipient
    #[arg(value_name = "EMAIL")]
    to: Email,
}

impl Command {
    pub(super) fn run(&self, config: &Config, options: Options) -> Result<(), CliError> {
        match self {
            Self::Test(test) => test.run(config, options),
            Self::Queue(part) => {
                let db = database::open(config, options)?;
                let pages = part.pages()?;
                if !options.json {
                    print(HEADER);
                }
                let now = db.clock().now();
                pages.show(
                    |after: Option<&i64>, limit| db.waiting_mails(after.copied(), limit),
                    |mail| mail.id,
                    |mail| {
                        if options.json {
                            print_mail(mail);
                        } else {
                            print(&line(mail, now));
                        }
                    },
                )?;
                Ok(())
            }
            Self::Retry => {
                let waiting = database::open(config, options)?.retry_mails()?;
                let database = &database::name(config);
                if options.json {
                    print_json(&ShownRetry {
                        due: waiting,
                        database,
                    });
                } else {
                    print(&format!("due now: {waiting} in {database}\n"));
                }
                Ok(())
            }
        }
    }
}

/// A queued mail as JSON.
#[derive(Serialize)]
struct ShownMail<'a> {
    id: i64,
    user_id: Option<i64>,
    kind: &'a str,
    created_at: String,
    due_at: String,
    attempts: u32,
}

/// How many mails are due, as JSON.
#[derive(Serialize)]
struct ShownRetry<'a> {
    due: usize,
    database: &'a str,
}

/// A test mail as JSON: the server that accepted it, or the file that it was written to.
#[derive(Serialize)]
struct ShownTest<'a> {
    to: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

fn print_mail(mail: &OutboxEntry) {
    print_json(&ShownMail {
        id: mail.id,
        user_id: mail.user_id.map(UserId::get),
        kind: &mail.kind,
        created_at: mail.created_at.rfc3339(),
        due_at: mail.due_at.rfc3339(),
        attempts: mail.attempts,
    });
}

const HEADER: &str = "    MAIL    USER  TRIES     AGE    WAIT  KIND\n";

/// A queued mail as a line.
fn line(mail: &OutboxEntry, now: Timestamp) -> String {
    let user = mail.user_id.map(|user| user.to_string());
    let age = now.seconds().saturating_sub(mail.created_at.seconds());
    let wait = mail.due_at.seconds().saturating_sub(now.seconds()).max(0);
    format!(
        "{:>8} {:>7} {:>6} {:>7} {:>7}  {}\n",
        mail.id,
        user.as_deref().unwrap_or("-"),
        mail.attempts,
        format!("{age}s"),
        format!("{wait}s"),
        mail.kind
    )
}

impl Test {
    fn run(&self, config: &Config, options: Options) -> Result<(), CliError> {
        let templates = Templates::new(server::mail_settings(config, config.bind()))
            .map_err(ServerError::from)?;
        let mailer = server::mailer(config)?;
        let to = &self.to;
        let mail = templates
            .render(&MailDraft {
                kind: &MailKind::Test,
                to,
                account: to,
                language: Language::default(),
                token: None,
                audit_head: None,
            })
            .map_err(ServerError::from)?;
        let mut shown = ShownTest {
            to: to.as_str(),
            server: None,
            file: None,
        };
        let done = match &mailer {
            Mailer::Off => return Err(CliError::MailsOff),
            Mailer::Folder(folder) | Mailer::Development(folder, _) => {
                let file = folder.send(&mail)?.display().to_string();
                let done = format!("written to {file}");
                shown.file = Some(file);
                done
            }
            Mailer::Smtp(smtp) => {
                smtp.send(&mail)?;
                let server = smtp.server().to_string();
                let done = format!("{server} accepted the mail to {to}");
                shown.server = Some(server);
                done
            }
            Mailer::Memory(_) => {
                mailer.send(&mail)?;
                format!("kept the mail to {to}")
            }
        };
        if options.json {
            print_json(&shown);
        } else {
            print(&format!("{done}\n"));
        }
        Ok(())
    }
}
