//! Groups: the list, the members of a group, and what can be done about them.

use actix_web::HttpResponse;
use minijinja::{Value, context};

use super::act_form::ActForm;
use super::visit::{AdminPost, AdminVisit};
use super::{PAGE, cut};
use crate::auth::AdminAct;
use crate::domain::{Email, GroupName, User, UserId};
use crate::http::Refusal;
use crate::http::pages::field::Field;
use crate::http::pages::next::with_query;
use crate::http::pages::view::View;
use crate::http::pages::visit::see_other;

const NEW: ActForm = ActForm {
    title: "admin.new_group.title",
    intro: "admin.new_group.intro",
    submit: "admin.new_group.submit",
    is_danger: false,
};

const ADD: ActForm = ActForm {
    title: "admin.add_member.title",
    intro: "admin.add_member.intro",
    submit: "admin.add_member.submit",
    is_danger: false,
};

const REMOVE: ActForm = ActForm {
    title: "admin.remove_member.title",
    intro: "admin.remove_member.intro",
    submit: "admin.remove_member.submit",
    is_danger: true,
};

const DELETE: ActForm = ActForm {
    title: "admin.delete_group.title",
    intro: "admin.delete_group.intro",
    submit: "admin.delete_group.submit",
    is_danger: true,
};

/// `GET /admin/groups`, `GET /admin/groups?after={group}`
pub(super) async fn list(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let after: Option<GroupName> = admin
        .visit
        .query("after")
        .and_then(|name| name.parse().ok());
    let read =
        admin.read(move |auth, administrator| auth.groups(administrator, after.as_ref(), PAGE + 1));
    let mut groups = read.await?;
    let last = cut(&mut groups, |group| 50 + 2 * group.as_str().len());
    let more = last.map(|last| with_query("/admin/groups", [("after", last.as_str())]));
    let data = context! {
        groups => groups.iter().map(GroupName::to_string).collect::<Vec<_>>(),
        more,
    };
    let view = View::new("admin_groups.html", "admin.groups.title").wide();
    admin.show(view.data(data), |code| match code {
        "deleted" => Some("admin.done.group_deleted"),
        _ => None,
    })
}

/// `GET /admin/groups/{group}`, `GET /admin/groups/{group}?after={id}`
pub(super) async fn show(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let group: GroupName = admin.named("group")?;
    let after = admin.visit.query("after").and_then(|id| id.parse().ok());
    let after = after.map(UserId::new);
    let read = {
        let group = group.clone();
        admin.read(move |auth, administrator| {
            auth.group_members(administrator, &group, after, PAGE + 1)
        })
    };
    let mut members = read.await?;
    let last = cut(&mut members, |member| {
        170 + group.as_str().len() + member.email.as_str().len()
    });
    let more = last.map(|last| format!("/admin/groups/{group}?after={}", last.id));
    let data = context! {
        group => group.as_str(),
        members => members.iter().map(member).collect::<Vec<_>>(),
        more,
    };
    let view = View::new("admin_group.html", "admin.group.title").wide();
    admin.show(view.data(data), |code| match code {
        "created" => Some("admin.done.group_created"),
        "added" => Some("admin.done.member_added"),
        "removed" => Some("admin.done.member_removed"),
        _ => None,
    })
}

fn member(user: &User) -> Value {
    context! { id => user.id.get(), email => user.email.as_str() }
}

/// `GET /admin/new-group`
pub(super) async fn show_new(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let fields = vec![Field::group(), Field::own_password()];
    admin.visit.show(&new_view(&admin, fields))
}

/// `POST /admin/new-group`
pub(super) async fn submit_new(mut post: AdminPost) -> Result<HttpResponse, Refusal> {
    let group: Option<GroupName> = post.form.take(Field::group(), str::parse);
    let path = group.as_ref().map(path_of).unwrap_or_default();
    post.act(group.map(AdminAct::CreateGroup), new_view).await?;
    Ok(see_other(&format!("{path}?done=created")).finish())
}

fn new_view(admin: &AdminVisit, fields: Vec<Field>) -> View {
    let paths = ("/admin/new-group", "/admin/groups");
    NEW.view(admin, "admins", paths, fields)
}

/// `GET /admin/groups/{group}/add`
pub(super) async fn show_add(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let group = group(&admin).await?;
    let fields = vec![Field::user_email(), Field::own_password()];
    admin.visit.show(&add_view(&admin, &group, fields))
}

/// `POST /admin/groups/{group}/add`
pub(super) async fn submit_add(mut post: AdminPost) -> Result<HttpResponse, Refusal> {
    let group = group(&post.admin).await?;
    let email = post.form.take(Field::user_email(), Email::parse);
    let act = email.map(|email| AdminAct::AddMember(group.clone(), email));
    post.act(act, |admin, fields| add_view(admin, &group, fields))
        .await?;
    Ok(see_other(&format!("{}?done=added", path_of(&group))).finish())
}

fn add_view(admin: &AdminVisit, group: &GroupName, fields: Vec<Field>) -> View {
    let back = path_of(group);
    let action = format!("{back}/add");
    ADD.view(admin, group.as_str(), (&action, &back), fields)
}

/// `GET /admin/groups/{group}/remove/{id}`
pub(super) async fn show_remove(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let (group, id, email) = named_member(&admin).await?;
    let fields = vec![Field::own_password()];
    let view = remove_view(&admin, (&group, id, &email), fields);
    admin.visit.show(&view)
}

/// `POST /admin/groups/{group}/remove/{id}`
pub(super) async fn submit_remove(post: AdminPost) -> Result<HttpResponse, Refusal> {
    let (group, id, email) = named_member(&post.admin).await?;
    let act = AdminAct::RemoveMember(group.clone(), id);
    let view = |admin: &AdminVisit, fields| remove_view(admin, (&group, id, &email), fields);
    post.act(Some(act), view).await?;
    Ok(see_other(&format!("{}?done=removed", path_of(&group))).finish())
}

fn remove_view(
    admin: &AdminVisit,
    (group, id, email): (&GroupName, UserId, &Email),
    fields: Vec<Field>,
) -> View {
    let back = path_of(group);
    let action = format!("{back}/remove/{id}");
    let name = format!("{email} ({group})");
    REMOVE.view(admin, &name, (&action, &back), fields)
}

/// `GET /admin/groups/{group}/delete`
pub(super) async fn show_delete(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let group = group(&admin).await?;
    let fields = vec![Field::own_password()];
    admin.visit.show(&delete_view(&admin, &group, fields))
}

/// `POST /admin/groups/{group}/delete`
pub(super) async fn submit_delete(post: AdminPost) -> Result<HttpResponse, Refusal> {
    let group = group(&post.admin).await?;
    let act = Some(AdminAct::DeleteGroup(group.clone()));
    post.act(act, |admin, fields| delete_view(admin, &group, fields))
        .await?;
    Ok(see_other("/admin/groups?done=deleted").finish())
}

fn delete_view(admin: &AdminVisit, group: &GroupName, fields: Vec<Field>) -> View {
    let back = path_of(group);
    let action = format!("{back}/delete");
    DELETE.view(admin, group.as_str(), (&action, &back), fields)
}

fn path_of(group: &GroupName) -> String {
    format!("/admin/groups/{group}")
}

/// The group in the path.
async fn group(admin: &AdminVisit) -> Result<GroupName, Refusal> {
    let group: GroupName = admin.named("group")?;
    let named = group.clone();
    let read =
        admin.read(move |auth, administrator| auth.group_members(administrator, &named, None, 0));
    read.await?;
    Ok(group)
}

/// The group and the user in the path.
async fn named_member(admin: &AdminVisit) -> Result<(GroupName, UserId, Email), Refusal> {
    let group = group(admin).await?;
    let id = admin.user_id()?;
    let read = admin.read(move |auth, administrator| auth.email_of(administrator, id));
    Ok((group, id, read.await?))
}
