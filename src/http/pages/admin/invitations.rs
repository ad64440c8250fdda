//! Invitations: the list of those that are not used, new ones, and revoking one.

use actix_web::HttpResponse;
use minijinja::{Value, context};

use super::act_form::ActForm;
use super::visit::{AdminPost, AdminVisit};
use super::{PAGE, cut};
use crate::auth::{ActOutcome, AdminAct, NewInvitation};
use crate::domain::{Email, GroupName, Invitation};
use crate::http::pages::field::Field;
use crate::http::pages::people::date;
use crate::http::pages::view::View;
use crate::http::pages::visit::see_other;
use crate::http::{FormError, Refusal};

const NEW: ActForm = ActForm {
    title: "admin.new_invitation.title",
    intro: "admin.new_invitation.intro",
    submit: "admin.new_invitation.submit",
    is_danger: false,
};

const REVOKE: ActForm = ActForm {
    title: "admin.revoke.title",
    intro: "admin.revoke.intro",
    submit: "admin.revoke.submit",
    is_danger: true,
};

/// How many days an invitation is valid, as with the command `invite`.
const DAYS: u32 = 7;
const DAYS_MAX: u32 = 90;

/// `GET /admin/invitations`, `GET /admin/invitations?after={id}`
pub(super) async fn list(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let after = admin.visit.query("after").and_then(|id| id.parse().ok());
    let read =
        admin.read(move |auth, administrator| auth.invitations(administrator, after, PAGE + 1));
    let mut invitations = read.await?;
    let last = cut(&mut invitations, |invitation| {
        let email = invitation.email.as_ref().map_or("", Email::as_str);
        let group = invitation.group.as_ref().map_or("", GroupName::as_str);
        430 + email.len() + group.len()
    });
    let more = last.map(|last| format!("/admin/invitations?after={}", last.id));
    let data = context! {
        invitations => invitations.iter().map(row).collect::<Vec<_>>(),
        more,
    };
    let view = View::new("admin_invitations.html", "admin.invitations.title").wide();
    admin.show(view.data(data), |code| match code {
        "revoked" => Some("admin.done.revoked"),
        _ => None,
    })
}

fn row(invitation: &Invitation) -> Value {
    context! {
        id => invitation.id,
        email => invitation.email.as_ref().map(Email::as_str),
        group => invitation.group.as_ref().map(GroupName::as_str),
        expires_at => date(invitation.expires_at),
    }
}

/// `GET /admin/new-invitation`
pub(super) async fn show_new(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let fields = vec![
        Field::user_email().optional(),
        Field::group().optional(),
        Field::days().filled(&DAYS.to_string()),
        Field::own_password(),
    ];
    admin.visit.show(&new_view(&admin, fields))
}

/// `POST /admin/new-invitation`: answers with the link, which no other request shows. An email with
/// it has the language of the page.
pub(super) async fn submit_new(mut post: AdminPost) -> Result<HttpResponse, Refusal> {
    let form = &mut post.form;
    let email = form.take_optional(Field::user_email(), Email::parse_new);
    let group = form.take_optional(Field::group(), str::parse);
    let days = form.take(Field::days(), days);
    let to = email.as_ref().ok().and_then(Option::as_ref).cloned();
    let language = post.admin.visit.language();
    let act = match (email, group, days) {
        (Ok(email), Ok(group), Some(days)) => Some(AdminAct::Invite(NewInvitation {
            email,
            group,
            days,
            language,
        })),
        _ => None,
    };
    let (admin, outcome) = post.act(act, new_view).await?;
    let ActOutcome::Invited(invited, is_mailed) = outcome else {
        return Ok(see_other("/admin/invitations").finish());
    };
    let origin = admin.own_origin();
    let origin = origin.map(|origin| origin.to_string()).unwrap_or_default();
    let link = format!("{origin}/invite?token={}", invited.token.expose());
    let view = View::new("admin_invitation.html", "admin.invited.title").wide();
    let mailed_to = to.filter(|_| is_mailed).map(|to| to.to_string());
    admin.visit.show(&view.data(context! { link, mailed_to }))
}

fn new_view(admin: &AdminVisit, fields: Vec<Field>) -> View {
    let paths = ("/admin/new-invitation", "/admin/invitations");
    NEW.view(admin, &DAYS_MAX.to_string(), paths, fields)
}

fn days(text: &str) -> Result<u32, FormError> {
    let days = text.trim().parse().ok();
    let days = days.filter(|days| (1..=DAYS_MAX).contains(days));
    days.ok_or(FormError::Days)
}

/// `GET /admin/invitations/{id}/revoke`
pub(super) async fn show_revoke(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let id = admin.named("id")?;
    let fields = vec![Field::own_password()];
    admin.visit.show(&revoke_view(&admin, id, fields))
}

/// `POST /admin/invitations/{id}/revoke`
pub(super) async fn submit_revoke(post: AdminPost) -> Result<HttpResponse, Refusal> {
    let id = post.admin.named("id")?;
    let act = Some(AdminAct::RevokeInvitation(id));
    post.act(act, |admin, fields| revoke_view(admin, id, fields))
        .await?;
    Ok(see_other("/admin/invitations?done=revoked").finish())
}

fn revoke_view(admin: &AdminVisit, id: i64, fields: Vec<Field>) -> View {
    let action = format!("/admin/invitations/{id}/revoke");
    let paths = (action.as_str(), "/admin/invitations");
    REVOKE.view(admin, &id.to_string(), paths, fields)
}
