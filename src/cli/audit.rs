//! Audit events of commands. They go to standard error, to the system log, because a terminal
//! keeps no log, and into the audit table.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;
use std::{fmt, io};

use rustix::fs::fstat;
use rustix::process::getuid;
use serde::Serialize;

use super::database::Options;
use super::output::{print, print_json};
use crate::db::DB;
use crate::domain::{Actor, AppName, AuditDetails, GroupName, NewAuditEvent, USER_DELETED, UserId};

/// The socket of the system log: journald or another syslog.
const SYSLOG: &str = "/dev/log";

/// Facility `authpriv` (10), severity `info` (6).
const PRIORITY: u32 = 10 * 8 + 6;

/// A change of accounts by an operator. Like every log line, it contains no email address.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OperatorEvent<'a> {
    /// The name of the event.
    pub(super) event: &'static str,
    /// The message that says what happened.
    pub(super) sentence: &'static str,
    /// The account, if the event concerns one.
    pub(super) user: Option<UserId>,
    /// How many items were changed, if there can be several.
    pub(super) count: Option<usize>,
    /// The group, if it is about one.
    pub(super) group: Option<&'a GroupName>,
    /// The application, if it is about one.
    pub(super) app: Option<&'a AppName>,
    /// The database that was changed.
    pub(super) database: &'a str,
    /// The open database, if the event gets a row in it.
    pub(super) db: Option<&'a DB>,
}

/// The result of a command that changes something, as JSON. Without an event, nothing had to be
/// changed.
#[derive(Serialize)]
struct ShownEvent<'a> {
    event: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<&'a str>,
    database: &'a str,
}

impl OperatorEvent<'_> {
    /// Writes the event to the logs, and the result to standard output: the text, or the event as
    /// JSON. Blocks for at most 1
    /// second, and for a write.
    pub(super) fn report_with(self, options: Options, text: &str) {
        self.report();
        self.print_result(options, text);
    }

    /// Writes the result to standard output: the text, or the event as JSON.
    pub(super) fn print_result(self, options: Options, text: &str) {
        self.print(Some(self.event), options, text);
    }

    /// Writes that nothing had to be changed: the text, or the event as JSON without its name.
    pub(super) fn print_unchanged(self, options: Options, text: &str) {
        self.print(None, options, text);
    }

    fn print(self, event: Option<&'static str>, options: Options, text: &str) {
        if options.json {
            print_json(&ShownEvent {
                event,
                user_id: self.user.map(UserId::get),
                count: self.count,
                group: self.group.map(GroupName::as_str),
                app: self.app.map(AppName::as_str),
                database: self.database,
            });
        } else {
            print(text);
        }
    }

    /// Writes the event to standard error, to the system log, and into the audit table. Blocks for
    /// at most 1 second, and for a write.
    pub(super) fn report(self) {
        let Self {
            event,
            sentence,
            user,
            count,
            group,
            app,
            database,
            db,
        } = self;
        log::info!(
            target: concat!(env!("CARGO_PKG_NAME"), "::events"),
            event,
            outcome = "success",
            by = "operator",
            operator_uid = getuid().as_raw(),
            user_id = user.map(UserId::get),
            count,
            group = group.map(GroupName::as_str),
            app = app.map(AppName::as_str),
            database;
            "{sentence}"
        );
        if !is_journal()
            && let Err(error) = self.send(Path::new(SYSLOG))
        {
            log::debug!("cannot write the audit event to the system log ({SYSLOG}): {error}");
        }
        if let Some(db) = db {
            self.append(db);
        }
    }

    /// Appends the row. That of a deletion was appended with it.
    fn append(self, db: &DB) {
        if self.event == USER_DELETED {
            return;
        }
        let row = NewAuditEvent {
            at: db.clock().now(),
            event: self.event,
            user_id: self.user,
            actor: Actor::Operator,
            details: AuditDetails {
                outcome: Some("success".to_owned()),
                count: self.count.and_then(|count| count.try_into().ok()),
                group: self.group.map(GroupName::to_string),
                app: self.app.map(AppName::to_string),
                operator_uid: Some(getuid().as_raw()),
                ..AuditDetails::default()
            },
        };
        if let Err(error) = db.append_audit_events(&[row]) {
            warn_of_missing_row(&error);
        }
    }

    fn send(self, socket: &Path) -> io::Result<()> {
        let syslog = UnixDatagram::unbound()?;
        syslog.set_write_timeout(Some(Duration::from_secs(1)))?;
        syslog.send_to(self.message().as_bytes(), socket)?;
        Ok(())
    }

    /// The message in the format of RFC 3164, without the time: the system log adds its own.
    fn message(self) -> String {
        let Self {
            event,
            sentence,
            user,
            count,
            group,
            app,
            database,
            db: _,
        } = self;
        let field = |name: &str, value: Option<String>| {
            value.map_or_else(String::new, |value| format!(" {name}={value}"))
        };
        format!(
            "<{PRIORITY}>bienvenue[{}]: {sentence} event={event} outcome=success by=operator \
             operator_uid={}{}{}{}{} database={}",
            std::process::id(),
            getuid().as_raw(),
            field("user_id", user.map(|user| user.to_string())),
            field("count", count.map(|count| count.to_string())),
            field("group", group.map(GroupName::to_string)),
            field("app", app.map(AppName::to_string)),
            database.replace(char::is_control, " "),
        )
    }
}

/// Whether standard error is the journal already: systemd names it by device and inode.
fn is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    fstat(io::stderr()).is_ok_and(|file| stream == format!("{}:{}", file.st_dev, file.st_ino))
}

/// Warns that the row of an event could not be appended.
pub(super) fn warn_of_missing_row(error: &impl fmt::Display) {
    log::warn!(
        "the audit event has no row in the database: {error}. The command took effect, and the \
         system log has the event: correct the cause, or later commands have no rows either"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audit_event_reaches_the_system_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let syslog = UnixDatagram::bind(&path).unwrap();
        syslog
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let group = "family".parse().unwrap();
        let event = OperatorEvent {
            event: "session_ended",
            sentence: "sessions ended",
            user: Some(UserId::new(7)),
            count: Some(2),
            group: Some(&group),
            app: None,
            database: "sqlite:///var/lib/b\n.db",
            db: None,
        };
        event.send(&path).unwrap();
        let mut message = [0; 512];
        let length = syslog.recv(&mut message).unwrap();
        let message = String::from_utf8_lossy(&message[..length]).into_owned();
        let (head, text) = message.split_once("]: ").unwrap();
        assert!(head.starts_with("<86>bienvenue["), "{message}");
        let uid = getuid().as_raw();
        assert_eq!(
            text,
            format!(
                "sessions ended event=session_ended outcome=success by=operator operator_uid={uid} \
                 user_id=7 count=2 group=family database=sqlite:///var/lib/b .db"
            )
        );
        drop(syslog);
        assert!(event.send(&folder.path().join("none")).is_err());
    }
}
