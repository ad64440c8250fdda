//! Users: the list, which is searched by address, and the page of a user.

use actix_web::HttpResponse;
use minijinja::{Value, context};

use super::visit::AdminVisit;
use super::{PAGE, cut};
use crate::auth::{ListedUser, UserDetails};
use crate::domain::{App, Email, GroupName, SessionInfo};
use crate::http::Refusal;
use crate::http::pages::next::with_query;
use crate::http::pages::people::{date, device};
use crate::http::pages::view::View;

/// How many sessions, and how many applications, the page of a user shows (bounds its size).
const SHOWN: u32 = 10;

/// How many applications are looked through for those that a user may open.
const APPS: u32 = 100;

/// The longest text that is searched for.
const SEARCH_MAX: usize = Email::MAX_CHARACTERS;

/// `GET /admin`, `GET /admin?email={beginning}&after={address}`
pub(super) async fn list(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let text = |name| admin.visit.query(name).unwrap_or_default().chars();
    let email: String = text("email").take(SEARCH_MAX).collect();
    let after: String = text("after").take(SEARCH_MAX).collect();
    let mut users = {
        let email = email.clone();
        let after = (!after.is_empty()).then(|| Email::from_stored(after));
        let read = admin.read(move |auth, administrator| {
            auth.users_by_email(administrator, &email, after.as_ref(), PAGE + 1)
        });
        read.await?
    };
    let last = cut(&mut users, |user| 200 + user.email.as_str().len());
    let more = last.map(|last| {
        let pairs = [("email", email.as_str()), ("after", last.email.as_str())];
        with_query("/admin", pairs)
    });
    let data = context! {
        email => email.as_str(),
        users => users.iter().map(row).collect::<Vec<_>>(),
        more,
    };
    let view = View::new("admin_users.html", "admin.users.title").wide();
    admin.show(view.data(data), |code| match code {
        "deleted" => Some("admin.done.deleted"),
        _ => None,
    })
}

fn row(user: &ListedUser) -> Value {
    context! {
        id => user.id.get(),
        email => user.email.as_str(),
        verified => user.is_email_verified,
        disabled => user.dates.disabled_at.is_some(),
        last_login_at => user.dates.last_login_at.map(date),
    }
}

/// `GET /admin/users/{id}`
pub(super) async fn show(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let id = admin.user_id()?;
    let read = admin.read(move |auth, administrator| {
        let details = auth.user_details(administrator, id, SHOWN)?;
        let apps = auth.apps_open_to(administrator, &details.groups, APPS)?;
        Ok((details, apps))
    });
    let (details, apps) = read.await?;
    let view = View::new("admin_user.html", "admin.user.title").wide();
    admin.show(view.data(user(&details, &apps, admin.is_own(id))), done)
}

fn user(details: &UserDetails, apps: &[App], is_own: bool) -> Value {
    let UserDetails {
        user,
        groups,
        second_factors: factors,
        sessions,
    } = details;
    let app_names = apps.iter().map(|app| app.name.to_string());
    let dates = &user.dates;
    let shown = context! {
        id => user.id.get(),
        email => user.email.as_str(),
        verified => user.is_email_verified,
        created_at => dates.created_at.map(date),
        last_login_at => dates.last_login_at.map(date),
        never => dates.has_no_login(),
        disabled_at => dates.disabled_at.map(date),
        app_since => factors.totp.map(date),
        passkeys => factors.passkeys,
        codes_left => factors.recovery_codes,
        has_factor => factors.totp.is_some() || factors.passkeys > 0,
        is_own,
    };
    context! {
        user => shown,
        groups => groups.iter().map(GroupName::to_string).collect::<Vec<_>>(),
        apps => app_names.take(SHOWN as usize).collect::<Vec<_>>(),
        more_apps => apps.len() > SHOWN as usize,
        sessions => sessions.iter().map(session).collect::<Vec<_>>(),
    }
}

fn session(session: &SessionInfo) -> Value {
    context! {
        device => session.user_agent.as_deref().and_then(device),
        last_seen_at => date(session.last_seen_at),
        ip => session.ip.as_deref(),
    }
}

/// What was done. Any other text says nothing.
fn done(code: &str) -> Option<&'static str> {
    Some(match code {
        "disabled" => "admin.done.disabled",
        "enabled" => "admin.done.enabled",
        "sessions" => "admin.done.sessions",
        "reset_link" => "admin.done.reset_link",
        "second_factor" => "admin.done.second_factor",
        "group" => "admin.done.member_added",
        _ => return None,
    })
}
