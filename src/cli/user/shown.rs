//! What commands print of users, as text and as JSON.

use serde::Serialize;

use crate::auth::UserDetails;
use crate::cli::audit_table::{ShownAuditEvent, event_line};
use crate::cli::session::ShownSession;
use crate::db::{ListedUser, SecondFactors};
use crate::domain::{AuditEvent, GroupName, Timestamp};

/// A user as JSON. Lists leave the last four fields out.
#[derive(Serialize)]
pub(super) struct ShownUser<'a> {
    id: i64,
    email: &'a str,
    email_verified: bool,
    created_at: Option<String>,
    last_login_at: Option<String>,
    disabled_at: Option<String>,
    second_factors: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_codes_left: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<Vec<ShownSession<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_events: Option<Vec<ShownAuditEvent<'a>>>,
}

impl<'a> ShownUser<'a> {
    pub(super) fn listed(user: &'a ListedUser) -> Self {
        Self {
            id: user.id.get(),
            email: user.email.as_str(),
            email_verified: user.is_email_verified,
            created_at: user.dates.created_at.map(Timestamp::rfc3339),
            last_login_at: user.dates.last_login_at.map(Timestamp::rfc3339),
            disabled_at: user.dates.disabled_at.map(Timestamp::rfc3339),
            second_factors: factors(user),
            recovery_codes_left: None,
            groups: None,
            sessions: None,
            audit_events: None,
        }
    }

    pub(super) fn of(details: &'a UserDetails, events: &'a [AuditEvent]) -> Self {
        Self {
            recovery_codes_left: Some(details.second_factors.recovery_codes),
            groups: Some(details.groups.iter().map(GroupName::as_str).collect()),
            sessions: Some(details.sessions.iter().map(ShownSession::of).collect()),
            audit_events: Some(events.iter().map(ShownAuditEvent::of).collect()),
            ..Self::listed(&details.user)
        }
    }
}

/// Everything that `user show` prints: a table, and a line for each event.
pub(super) fn text(details: &UserDetails, events: &[AuditEvent]) -> String {
    let ListedUser {
        id, email, dates, ..
    } = &details.user;
    let yes_no = |is_so| if is_so { "yes" } else { "no" };
    let SecondFactors {
        totp,
        passkeys,
        recovery_codes,
    } = details.second_factors;
    let totp = totp.map(|since| format!("totp since {}", since.rfc3339()));
    let passkeys = (passkeys > 0).then(|| format!("passkeys: {passkeys}"));
    let codes = format!("recovery codes left: {recovery_codes}");
    let factors: Vec<String> = totp.into_iter().chain(passkeys).collect();
    let factors = match factors.join(", ") {
        none if none.is_empty() => "none".to_owned(),
        factors => format!("{factors}, {codes}"),
    };
    let groups: Vec<&str> = details.groups.iter().map(GroupName::as_str).collect();
    let groups = if groups.is_empty() {
        "none".to_owned()
    } else {
        groups.join(", ")
    };
    let rows = [
        ("id", id.to_string()),
        ("email", email.to_string()),
        (
            "verified",
            yes_no(details.user.is_email_verified).to_owned(),
        ),
        ("created", known(dates.created_at)),
        ("last login", last_login(&details.user)),
        (
            "disabled",
            dates
                .disabled_at
                .map_or_else(|| "no".to_owned(), |at| format!("since {}", at.rfc3339())),
        ),
        ("second factors", factors),
        ("groups", groups),
        ("sessions", details.sessions.len().to_string()),
    ];
    let rows = rows.map(|(name, value)| format!("{name:<16}{value}\n"));
    let events = events.iter().map(event_line);
    rows.into_iter().chain(events).collect()
}

/// One line: id, email, dates.
pub(super) fn line(user: &ListedUser) -> String {
    let ListedUser {
        id,
        email,
        dates,
        totp: _,
        has_passkeys: _,
        is_email_verified: _,
    } = user;
    let created = known(dates.created_at);
    let last_login = last_login(user);
    let disabled = dates.disabled_at.map(Timestamp::rfc3339);
    let disabled = disabled.map_or_else(String::new, |at| format!("\tdisabled {at}"));
    let factor = match factors(user).join(", ") {
        none if none.is_empty() => none,
        factors => format!("\tsecond factor {factors}"),
    };
    format!("{id}\t{email}\tcreated {created}\tlast login {last_login}{factor}{disabled}\n")
}

/// The kinds of second factors.
fn factors(user: &ListedUser) -> Vec<&'static str> {
    let totp = user.totp.map(|_| "totp");
    let passkey = user.has_passkeys.then_some("passkey");
    totp.into_iter().chain(passkey).collect()
}

fn last_login(user: &ListedUser) -> String {
    if user.dates.has_no_login() {
        "never".to_owned()
    } else {
        known(user.dates.last_login_at)
    }
}

fn known(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "unknown".to_owned(), Timestamp::rfc3339)
}
