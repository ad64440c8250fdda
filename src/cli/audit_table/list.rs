//! `bienvenue audit list`: reads the rows by key and prints those of a user, of an event, or since a
//! time.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::cli::CliError;
use crate::cli::find_user::find;
use crate::cli::moment::moment;
use crate::cli::output::{Progress, print, print_json};
use crate::db::{DB, shown_audit_event};
use crate::domain::{AuditDetails, AuditEvent, Email, EmailError, Timestamp, UserId};

/// How many rows are read at a time.
const PAGE: u32 = 1000;

/// By how much the times of rows may differ from the order of their positions.
const DISORDER: Duration = Duration::from_secs(60 * 60);

/// Which events are shown. Without any of these, all.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Only events of this user: an email, or the id of a user, who may be deleted
    #[arg(long, value_name = "EMAIL|ID", value_parser = which_user)]
    user: Option<WhichUser>,
    /// Begin after this position: the last one of the page before
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
    /// Show at most this many
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Only events since then: 2026-01-31, 2026-01-31T12:00:00Z, or 90d
    #[arg(long, value_name = "DATE|TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only events of this name, such as `authn_login_fail`
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
}

#[derive(Debug, Clone)]
enum WhichUser {
    Email(Email),
    Id(i64),
}

fn which_user(text: &str) -> Result<WhichUser, EmailError> {
    match text.parse() {
        Ok(id) => Ok(WhichUser::Id(id)),
        Err(_) => Email::parse(text).map(WhichUser::Email),
    }
}

impl List {
    /// Prints the events. At most one page of them is in memory. Blocks for one lookup for each
    /// page.
    pub(super) fn run(&self, db: &DB, json: bool) -> Result<(), CliError> {
        let user = match &self.user {
            Some(WhichUser::Email(email)) => Some(find(db, email)?.id),
            Some(WhichUser::Id(id)) => Some(UserId::new(*id)),
            None => None,
        };
        let mut after = self.after.unwrap_or_default();
        if let Some(since) = self.since {
            after = after.max(db.audit_position_before(since.minus(DISORDER))?);
        }
        let mut left = self.limit.unwrap_or(u64::MAX);
        let mut progress = self.event.is_some().then(|| Progress::new("events"));
        while left > 0 {
            let page = db.audit_rows_after(after, user, PAGE)?;
            let Some(last) = page.last() else { break };
            after = last.position;
            let read = page.len();
            let events = page.into_iter().map(shown_audit_event);
            let shown = events.filter(|event| self.shows(event));
            let shown: Vec<_> = shown
                .take(usize::try_from(left).unwrap_or(usize::MAX))
                .collect();
            left = left.saturating_sub(u64::try_from(shown.len()).unwrap_or(u64::MAX));
            Progress::page(progress.as_mut(), read, &shown, |event| {
                if json {
                    print_json(&ShownAuditEvent::of(event));
                } else {
                    print(&event_line(event));
                }
            });
        }
        Ok(())
    }

    fn shows(&self, event: &AuditEvent) -> bool {
        self.since.is_none_or(|since| event.at >= since)
            && self.event.as_ref().is_none_or(|name| event.event == *name)
    }
}

/// An audit event as JSON.
#[derive(Serialize)]
pub(in crate::cli) struct ShownAuditEvent<'a> {
    position: i64,
    at: String,
    event: &'a str,
    user_id: Option<i64>,
    by: &'a str,
    by_user_id: Option<i64>,
    erased: bool,
    #[serde(flatten)]
    details: Option<&'a AuditDetails>,
}

impl<'a> ShownAuditEvent<'a> {
    pub(in crate::cli) fn of(event: &'a AuditEvent) -> Self {
        Self {
            position: event.position,
            at: event.at.rfc3339(),
            event: &event.event,
            user_id: event.user_id.map(UserId::get),
            by: &event.actor,
            by_user_id: event.actor_id.map(UserId::get),
            erased: event.details.is_none(),
            details: event.details.as_ref(),
        }
    }
}

/// One line: position, time, event, outcome, user, actor, address.
pub(in crate::cli) fn event_line(event: &AuditEvent) -> String {
    let (position, at) = (event.position, event.at.rfc3339());
    let user = event
        .user_id
        .map_or_else(String::new, |user| format!("\tuser {user}"));
    let actor = event
        .actor_id
        .map_or_else(String::new, |user| format!(" {user}"));
    let details = match &event.details {
        None => "\terased".to_owned(),
        Some(details) => {
            let outcome = [details.outcome.as_deref(), details.reason.as_deref()];
            let outcome: Vec<&str> = outcome.into_iter().flatten().collect();
            let ip = details
                .ip
                .as_ref()
                .map_or_else(String::new, |ip| format!("\tfrom {ip}"));
            let repeats = details
                .repeats
                .map_or_else(String::new, |repeats| format!(", {repeats} times"));
            format!("\t{}{repeats}{ip}", outcome.join(", "))
        }
    };
    let (name, by) = (&event.event, &event.actor);
    format!("{position}\t{at}\t{name}{user}\tby {by}{actor}{details}\n")
}
