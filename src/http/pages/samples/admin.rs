//! The pages of administration in every state.

use minijinja::{Value, context};

use crate::http::pages::field::Field;
use crate::http::pages::view::View;

const DATE: &str = "2026-11-27 18:40 UTC";

/// The pages of administration, with a text in each place that shows outside input.
pub(super) fn views(text: &str) -> Vec<View> {
    let mut views = Vec::new();
    for on in [true, false] {
        let text = on.then_some(text);
        views.extend([
            view("admin_users.html", "admin.users.title", users(text)),
            view("admin_user.html", "admin.user.title", user(text)),
            view("admin_audit.html", "admin.audit.title", audit(text)),
            view("admin_groups.html", "admin.groups.title", groups(text)),
            view("admin_group.html", "admin.group.title", group(text)),
            view(
                "admin_invitations.html",
                "admin.invitations.title",
                invitations(text),
            ),
            view("admin_apps.html", "admin.apps.title", apps(text)),
        ]);
    }
    for mailed_to in [Some(text), None] {
        let link = context! { link => text, mailed_to };
        views.push(view("admin_invitation.html", "admin.invited.title", link));
    }
    let fields = [Field::user_email(), Field::group(), Field::days()];
    let fields = fields.map(|field| field.filled(text).optional());
    let act = View::new("admin_act.html", "admin.disable.title").fields(fields);
    views.extend([true, false].map(|on| {
        act.clone().data(context! {
            name => text, action => text, back => text, administrator => text,
            intro => "admin.disable.intro", submit => "admin.disable.submit",
            danger => on, asks_second_factor => on, second_factor => on, passkey => on,
        })
    }));
    views
}

fn view(template: &'static str, title: &'static str, data: Value) -> View {
    View::new(template, title).wide().data(data)
}

fn users(text: Option<&str>) -> Value {
    let user = text.map(|text| {
        context! { id => 7, email => text, verified => false, disabled => true, last_login_at => DATE }
    });
    let (email, more) = (text.unwrap_or_default(), text);
    context! { email, more, users => list(user) }
}

fn user(text: Option<&str>) -> Value {
    let on = text.is_some();
    let since = text.map(|_| DATE);
    let session = text.map(|text| context! { device => text, last_seen_at => DATE, ip => text });
    let user = context! {
        id => 7, email => text.unwrap_or_default(), verified => on, created_at => since,
        last_login_at => since, never => !on, disabled_at => since, app_since => since,
        passkeys => i32::from(on), codes_left => 9, has_factor => on, is_own => !on,
    };
    let (groups, apps) = (list(text), list(text));
    context! { user, groups, apps, more_apps => on, sessions => list(session) }
}

fn audit(text: Option<&str>) -> Value {
    let event = text.map(|text| {
        context! {
            what => "activity.disabled", event => text, outcome => text, reason => text,
            at => DATE, by => "activity.by_administrator",
            repeats => 7, actor_id => 7, device => text, ip => text, group => text, app => text,
        }
    });
    let email = text.unwrap_or_default();
    context! { id => 7, email, events => list(event), more => text }
}

fn groups(text: Option<&str>) -> Value {
    context! { groups => list(text), more => text }
}

fn group(text: Option<&str>) -> Value {
    let member = text.map(|text| context! { id => 7, email => text });
    context! { group => text.unwrap_or_default(), members => list(member), more => text }
}

fn invitations(text: Option<&str>) -> Value {
    let invitation = text.map(|text| {
        context! { id => 7, email => text, group => text, expires_at => DATE }
    });
    context! { invitations => list(invitation), more => text }
}

fn apps(text: Option<&str>) -> Value {
    let app = text.map(|text| {
        context! { name => text, url => text, groups => list(Some(text)), second_factor => true }
    });
    context! { apps => list(app), more => text }
}

fn list(of: Option<impl Into<Value>>) -> Vec<Value> {
    of.map(Into::into).into_iter().collect()
}
