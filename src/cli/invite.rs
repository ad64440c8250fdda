//! `bienvenue invite`: links with which a person may register once.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::audit::OperatorEvent;
use super::database::Options;
use super::output::{Part, explain, print, print_json};
use super::{CliError, database};
use crate::auth::{ActRefusal, AuthError, Invited, NewInvitation, create_invitation};
use crate::config::Config;
use crate::db::DB;
use crate::domain::{Email, GroupName, Invitation, InvitationToken, Language};
use crate::mail::{InvitationMail, InvitationMailError, Mailer, Templates};
use crate::server::{self, ServerError};

/// An invitation, or what can be done about the ones that are not used.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example: bienvenue invite bob@example.org --group staff --days 14"
)]
pub(super) struct Invite {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    new: New,
}

#[derive(Debug, Args)]
struct New {
    /// Address that the invitation is for, and is sent to; it counts as verified. Without it,
    /// anyone who has the link can register with it
    #[arg(value_name = "EMAIL", value_parser = Email::parse_new)]
    email: Option<Email>,
    /// Group that the new user joins
    #[arg(long, value_name = "GROUP")]
    group: Option<GroupName>,
    /// How many days the link is valid, 1 to 90
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=90))]
    days: u32,
    /// Language of the mail
    #[arg(long, value_name = "LANGUAGE", default_value = "en", value_parser = language())]
    language: Language,
}

/// The tags of the known languages.
fn language() -> impl TypedValueParser<Value = Language> {
    PossibleValuesParser::new(Language::ALL.map(Language::tag))
        .map(|tag| Language::of_tag(&tag).unwrap_or_default())
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the invitations that are not used: number, address, group, when they expire
    #[command(after_help = "Example: bienvenue invite list")]
    List(Part),
    /// Revoke an invitation
    #[command(after_help = "Example: bienvenue invite revoke 7")]
    Revoke {
        /// Number of the invitation
        #[arg(value_name = "NUMBER")]
        id: i64,
    },
}

impl Invite {
    pub(super) fn run(&self, config: &Config) -> Result<(), CliError> {
        let db = database::open(config, self.options)?;
        match &self.command {
            None => self.new.run(&db, config, self.options),
            Some(Command::List(part)) => {
                part.pages()?.show(
                    |after: Option<&i64>, limit| db.invitations(after.copied(), limit),
                    |invitation| invitation.id,
                    |invitation| {
                        if self.options.json {
                            print_invitation(invitation);
                        } else {
                            print(&line(invitation));
                        }
                    },
                )?;
                Ok(())
            }
            Some(Command::Revoke { id }) => {
                if !db.revoke_invitation(*id)? {
                    return Err(CliError::NoSuchInvitation(*id));
                }
                let database = &database::name(config);
                OperatorEvent {
                    event: "invitation_revoked",
                    sentence: "invitation revoked",
                    database,
                    db: Some(&db),
                    ..OperatorEvent::default()
                }
                .report_with(
                    self.options,
                    &format!("revoked the invitation {id} in {database}\n"),
                );
                Ok(())
            }
        }
    }
}

impl New {
    fn run(&self, db: &DB, config: &Config, options: Options) -> Result<(), CliError> {
        let (email, group) = (self.email.as_ref(), self.group.as_ref());
        let new = NewInvitation {
            email: self.email.clone(),
            group: self.group.clone(),
            days: self.days,
            language: self.language,
        };
        let Invited { id, token } = match create_invitation(db, &new) {
            Ok(invited) => invited,
            Err(AuthError::ActRefused(ActRefusal::NoSuchGroup(group))) => {
                return Err(CliError::NoSuchGroup(group));
            }
            Err(error) => return Err(error.into()),
        };
        let database = &database::name(config);
        OperatorEvent {
            event: "invitation_created",
            sentence: "invitation created",
            group,
            database,
            db: Some(db),
            ..OperatorEvent::default()
        }
        .report();
        let service = server::service_url(config, config.bind());
        let link = format!("{service}/invite?token={}", token.expose());
        if !options.json {
            print(&format!("{link}\n"));
        }
        explain(&format!(
            "Invitation {id}: the link can be used once, within {} days.\n",
            self.days
        ));
        let sent = email.is_some_and(|to| self.sends(to, token, config));
        if options.json {
            print_json(&ShownLink {
                id,
                email: email.map(Email::as_str),
                group: group.map(GroupName::as_str),
                link: &link,
                valid_seconds: u64::from(self.days) * 24 * 60 * 60,
                sent,
            });
        }
        Ok(())
    }

    /// Sends the link, and says whether it was sent.
    fn sends(&self, to: &Email, token: InvitationToken, config: &Config) -> bool {
        let mail = InvitationMail {
            to: to.clone(),
            token,
            days: self.days,
            language: self.language,
        };
        let (sent, text) = match send(&mail, config) {
            Ok(true) => (true, format!("It was sent to {to}.\n")),
            Ok(false) => (
                false,
                "No mail was sent: mails are off (--mail off).\n".to_owned(),
            ),
            Err(error) => (false, format!("{error}. Send the link yourself.\n")),
        };
        explain(&text);
        sent
    }
}

/// Sends the link, and returns whether mails are on.
fn send(mail: &InvitationMail, config: &Config) -> Result<bool, CliError> {
    let mailer = server::mailer(config)?;
    if matches!(mailer, Mailer::Off) {
        return Ok(false);
    }
    let settings = server::mail_settings(config, config.bind());
    let templates = Templates::new(settings).map_err(ServerError::from)?;
    match mail.send(&mailer, &templates) {
        Ok(()) => Ok(true),
        Err(InvitationMailError::Template(error)) => Err(ServerError::from(error).into()),
        Err(InvitationMailError::Send(error)) => Err(error.into()),
    }
}

/// A new invitation as JSON.
#[derive(Serialize)]
struct ShownLink<'a> {
    id: i64,
    email: Option<&'a str>,
    group: Option<&'a str>,
    link: &'a str,
    valid_seconds: u64,
    sent: bool,
}

/// An invitation as JSON.
#[derive(Serialize)]
struct ShownInvitation<'a> {
    id: i64,
    email: Option<&'a str>,
    group: Option<&'a str>,
    expires_at: String,
}

fn print_invitation(invitation: &Invitation) {
    print_json(&ShownInvitation {
        id: invitation.id,
        email: invitation.email.as_ref().map(Email::as_str),
        group: invitation.group.as_ref().map(GroupName::as_str),
        expires_at: invitation.expires_at.rfc3339(),
    });
}

/// An invitation's line.
fn line(invitation: &Invitation) -> String {
    let email = invitation.email.as_ref().map_or("-", Email::as_str);
    let group = invitation.group.as_ref().map_or("-", GroupName::as_str);
    let expires = invitation.expires_at.rfc3339();
    format!("{}\t{email}\t{group}\texpires {expires}\n", invitation.id)
}
