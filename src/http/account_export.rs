//! The export of an account, as JSON.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::auth;
use crate::domain::{
    AppLogin, EndedSessionInfo, ExportedMail, ExportedToken, FactorChange, FactorChangeKind,
    GroupName, KnownClient, Language, PasskeyInfo, PreviousEmail, SessionId, SessionInfo,
    Timestamp,
};
use crate::http::activity::ActivityRow;
use crate::http::response::json;
use crate::http::{BlockingExecutor, HttpError};

/// One field per table. Secrets and their digests are not included.
#[derive(Serialize)]
struct Export<'a> {
    user: UserRow<'a>,
    sessions: Vec<SessionRow<'a>>,
    ended_sessions: Vec<EndedSessionRow<'a>>,
    groups: Vec<&'a str>,
    app_logins: Vec<AppLoginRow<'a>>,
    second_factors: SecondFactorRows,
    passkeys: Vec<PasskeyRow<'a>>,
    factor_changes: Vec<FactorChangeRow<'a>>,
    pending_logins: Vec<PendingLoginRow>,
    known_clients: Vec<KnownClientRow<'a>>,
    tokens: Vec<TokenRow<'a>>,
    former_emails: Vec<FormerEmailRow<'a>>,
    audit_events: Vec<ActivityRow<'a>>,
    mails: Vec<MailRow<'a>>,
    counts: Vec<CountRow<'a>>,
}

#[derive(Serialize)]
struct UserRow<'a> {
    id: i64,
    email: &'a str,
    email_verified_at: Option<String>,
    created_at: Option<String>,
    last_login_at: Option<String>,
    disabled_at: Option<String>,
    language: Option<&'static str>,
}

#[derive(Serialize)]
struct SessionRow<'a> {
    id: String,
    current: bool,
    created_at: String,
    last_seen_at: String,
    expires_at: String,
    ip: Option<&'a str>,
    user_agent: Option<&'a str>,
}

#[derive(Serialize)]
struct EndedSessionRow<'a> {
    reason: &'a str,
    ended_at: String,
}

#[derive(Serialize)]
struct SecondFactorRows {
    totp_since: Option<String>,
    recovery_codes_left: u32,
}

/// The public key and the ids of the authenticator are of no use to a person.
#[derive(Serialize)]
struct PasskeyRow<'a> {
    name: &'a str,
    rp_id: &'a str,
    backed_up: bool,
    created_at: String,
    last_used_at: Option<String>,
}

/// A change of second factors. Tokens that undo it are not included.
#[derive(Serialize)]
struct FactorChangeRow<'a> {
    kind: Option<&'a str>,
    changed_at: String,
    ip: Option<&'a str>,
    user_agent: Option<&'a str>,
}

/// A login that waits for a second factor.
#[derive(Serialize)]
struct PendingLoginRow {
    created_at: String,
}

#[derive(Serialize)]
struct AppLoginRow<'a> {
    app: &'a str,
    created_at: String,
}

/// A device has no network. The id by which it is known is a secret.
#[derive(Serialize)]
struct KnownClientRow<'a> {
    kind: &'a str,
    network: Option<&'a str>,
    logged_in_at: String,
    expires_at: String,
}

#[derive(Serialize)]
struct TokenRow<'a> {
    action: &'a str,
    email: Option<&'a str>,
    created_at: String,
    expires_at: String,
}

#[derive(Serialize)]
struct FormerEmailRow<'a> {
    email: &'a str,
    changed_at: String,
    expires_at: String,
}

#[derive(Serialize)]
struct MailRow<'a> {
    #[serde(rename = "letter")]
    kind: &'a str,
    details: Option<Value>,
    created_at: String,
    due_at: String,
}

/// A count of a rate limit.
#[derive(Serialize)]
struct CountRow<'a> {
    of: &'a str,
    count: u32,
    next_at: String,
}

/// Everything that is stored about the user of a session.
pub(crate) async fn held(
    executor: &BlockingExecutor,
    session_id: SessionId,
) -> Result<HttpResponse, HttpError> {
    let held = executor
        .run_long_read(move |auth| auth.export(&session_id))
        .await?;
    Ok(json(StatusCode::OK, &rows(&held)))
}

fn rows(held: &auth::Export) -> Export<'_> {
    Export {
        user: UserRow {
            id: held.user.id.get(),
            email: held.user.email.as_str(),
            email_verified_at: held.email_verified_at.map(Timestamp::rfc3339),
            created_at: held.dates.created_at.map(Timestamp::rfc3339),
            last_login_at: held.dates.last_login_at.map(Timestamp::rfc3339),
            disabled_at: held.dates.disabled_at.map(Timestamp::rfc3339),
            language: held.language.map(Language::tag),
        },
        sessions: held.sessions.iter().map(session_row).collect(),
        ended_sessions: held.ended_sessions.iter().map(ended_session_row).collect(),
        groups: held.groups.iter().map(GroupName::as_str).collect(),
        app_logins: held.app_logins.iter().map(app_login_row).collect(),
        second_factors: SecondFactorRows {
            totp_since: held.second_factors.totp.map(Timestamp::rfc3339),
            recovery_codes_left: held.second_factors.recovery_codes,
        },
        passkeys: held.passkeys.iter().map(passkey_row).collect(),
        factor_changes: held.factor_changes.iter().map(factor_change_row).collect(),
        pending_logins: held
            .pending_logins
            .iter()
            .copied()
            .map(pending_login_row)
            .collect(),
        known_clients: held.known_clients.iter().map(known_client_row).collect(),
        tokens: held.tokens.iter().map(token_row).collect(),
        former_emails: held.former_emails.iter().map(former_email_row).collect(),
        audit_events: held.audit_events.iter().map(ActivityRow::from).collect(),
        mails: held.mails.iter().map(mail_row).collect(),
        counts: held.counts.iter().map(count_row).collect(),
    }
}

fn session_row(session: &SessionInfo) -> SessionRow<'_> {
    SessionRow {
        id: session.public_id.to_string(),
        current: session.current,
        created_at: session.created_at.rfc3339(),
        last_seen_at: session.last_seen_at.rfc3339(),
        expires_at: session.expires_at.rfc3339(),
        ip: session.ip.as_deref(),
        user_agent: session.user_agent.as_deref(),
    }
}

fn ended_session_row(ended: &EndedSessionInfo) -> EndedSessionRow<'_> {
    EndedSessionRow {
        reason: &ended.reason,
        ended_at: ended.ended_at.rfc3339(),
    }
}

fn passkey_row(passkey: &PasskeyInfo) -> PasskeyRow<'_> {
    PasskeyRow {
        name: passkey.name.as_str(),
        rp_id: &passkey.rp_id,
        backed_up: passkey.backed_up,
        created_at: passkey.created_at.rfc3339(),
        last_used_at: passkey.last_used_at.map(Timestamp::rfc3339),
    }
}

fn factor_change_row(change: &FactorChange) -> FactorChangeRow<'_> {
    FactorChangeRow {
        kind: change.kind.map(FactorChangeKind::as_str),
        changed_at: change.changed_at.rfc3339(),
        ip: change.ip.as_deref(),
        user_agent: change.user_agent.as_deref(),
    }
}

fn pending_login_row(created_at: Timestamp) -> PendingLoginRow {
    PendingLoginRow {
        created_at: created_at.rfc3339(),
    }
}

fn app_login_row(login: &AppLogin) -> AppLoginRow<'_> {
    AppLoginRow {
        app: login.app.as_str(),
        created_at: login.created_at.rfc3339(),
    }
}

fn known_client_row(client: &KnownClient) -> KnownClientRow<'_> {
    let network = client.network.as_deref();
    KnownClientRow {
        kind: network.map_or("device", |_| "network"),
        network,
        logged_in_at: client.logged_in_at.rfc3339(),
        expires_at: client.expires_at.rfc3339(),
    }
}

fn token_row(token: &ExportedToken) -> TokenRow<'_> {
    TokenRow {
        action: &token.action,
        email: token.email.as_deref(),
        created_at: token.created_at.rfc3339(),
        expires_at: token.expires_at.rfc3339(),
    }
}

fn former_email_row(former: &PreviousEmail) -> FormerEmailRow<'_> {
    FormerEmailRow {
        email: &former.email,
        changed_at: former.changed_at.rfc3339(),
        expires_at: former.expires_at.rfc3339(),
    }
}

fn mail_row(mail: &ExportedMail) -> MailRow<'_> {
    let details = mail.details.as_deref();
    MailRow {
        kind: &mail.kind,
        details: details.and_then(|text| serde_json::from_str(text).ok()),
        created_at: mail.created_at.rfc3339(),
        due_at: mail.due_at.rfc3339(),
    }
}

/// The key without the digest of the address.
fn count_row(row: &auth::LimitRow) -> CountRow<'_> {
    CountRow {
        of: row.key.kind(),
        count: row.fails,
        next_at: row.next_at.rfc3339(),
    }
}
