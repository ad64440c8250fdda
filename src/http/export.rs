use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;

use super::answer::json;
use super::session_cookie::SessionCookie;
use super::{Door, HttpError};
use crate::auth;
use crate::domain::{KnownClient, OpenSession, User};

/// A field a table. Secrets and their digests are no information about the user.
#[derive(Serialize)]
struct Export<'a> {
    user: UserRow<'a>,
    sessions: Vec<SessionRow<'a>>,
    known_clients: Vec<KnownClientRow<'a>>,
}

#[derive(Serialize)]
struct UserRow<'a> {
    id: i64,
    email: &'a str,
}

#[derive(Serialize)]
struct SessionRow<'a> {
    id: &'a str,
    current: bool,
    created_at: String,
    last_seen_at: String,
    expires_at: String,
    ip: Option<&'a str>,
    user_agent: Option<&'a str>,
}

/// A device has no network: what it is known by is a secret of its own.
#[derive(Serialize)]
struct KnownClientRow<'a> {
    kind: &'a str,
    network: Option<&'a str>,
    logged_in_at: String,
    expires_at: String,
}

/// `GET /profile/export`
pub(super) async fn export(
    door: web::Data<Door>,
    cookie: SessionCookie,
) -> Result<HttpResponse, HttpError> {
    let session_id = cookie.session_id()?;
    let auth::Export {
        user,
        sessions,
        known_clients,
    } = door.read(move |auth| auth.export(&session_id)).await?;
    let export = Export {
        user: user_row(&user),
        sessions: sessions.iter().map(session_row).collect(),
        known_clients: known_clients.iter().map(known_client_row).collect(),
    };
    Ok(json(StatusCode::OK, &export))
}

fn user_row(user: &User) -> UserRow<'_> {
    UserRow {
        id: user.id.get(),
        email: user.email.as_str(),
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

fn session_row(session: &OpenSession) -> SessionRow<'_> {
    SessionRow {
        id: &session.public_id,
        current: session.current,
        created_at: session.created_at.rfc3339(),
        last_seen_at: session.last_seen_at.rfc3339(),
        expires_at: session.expires_at.rfc3339(),
        ip: session.ip.as_deref(),
        user_agent: session.user_agent.as_deref(),
    }
}
