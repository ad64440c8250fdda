//! Applications behind a proxy: the list, a new one, and removing one.

use actix_web::HttpResponse;
use minijinja::{Value, context};

use super::act_form::ActForm;
use super::visit::{AdminPost, AdminVisit};
use super::{PAGE, cut};
use crate::auth::AdminAct;
use crate::domain::{App, AppName, GroupName, NameError, Origin};
use crate::http::Refusal;
use crate::http::pages::field::Field;
use crate::http::pages::next::with_query;
use crate::http::pages::view::View;
use crate::http::pages::visit::see_other;

const NEW: ActForm = ActForm {
    title: "admin.new_app.title",
    intro: "admin.new_app.intro",
    submit: "admin.new_app.submit",
    is_danger: false,
};

const GROUPS: ActForm = ActForm {
    title: "admin.app_groups.title",
    intro: "admin.app_groups.intro",
    submit: "admin.app_groups.submit",
    is_danger: false,
};

const REMOVE: ActForm = ActForm {
    title: "admin.remove_app.title",
    intro: "admin.remove_app.intro",
    submit: "admin.remove_app.submit",
    is_danger: true,
};

/// `GET /admin/apps`, `GET /admin/apps?after={name}`
pub(super) async fn list(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let after: Option<AppName> = admin
        .visit
        .query("after")
        .and_then(|name| name.parse().ok());
    let read =
        admin.read(move |auth, administrator| auth.apps(administrator, after.as_ref(), PAGE + 1));
    let mut apps = read.await?;
    let last = cut(&mut apps, |app| {
        let groups = app.groups.iter().map(|group| 32 + 2 * group.as_str().len());
        let names = 5 * app.name.as_str().len() + app.origin.as_str().len();
        480 + names + groups.sum::<usize>()
    });
    let more = last.map(|last| with_query("/admin/apps", [("after", last.name.as_str())]));
    let data = context! {
        apps => apps.iter().map(row).collect::<Vec<_>>(),
        more,
    };
    let view = View::new("admin_apps.html", "admin.apps.title").wide();
    admin.show(view.data(data), |code| match code {
        "added" => Some("admin.done.app_added"),
        "groups" => Some("admin.done.app_groups"),
        "removed" => Some("admin.done.app_removed"),
        _ => None,
    })
}

fn row(app: &App) -> Value {
    context! {
        name => app.name.as_str(),
        url => app.origin.as_str(),
        groups => app.groups.iter().map(GroupName::to_string).collect::<Vec<_>>(),
        second_factor => app.second_factor,
    }
}

/// `GET /admin/new-app`
pub(super) async fn show_new(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let fields = vec![
        Field::app(),
        Field::app_url(),
        Field::app_groups().optional(),
        Field::own_password(),
    ];
    admin.visit.show(&new_view(&admin, fields, false))
}

/// `POST /admin/new-app`
pub(super) async fn submit_new(mut post: AdminPost) -> Result<HttpResponse, Refusal> {
    let form = &mut post.form;
    let name = form.take(Field::app(), str::parse);
    let origin = form.take(Field::app_url(), Origin::of_app);
    let groups = form.take_optional(Field::app_groups(), groups);
    let second_factor = form.hidden("second_factor").is_some();
    let act = match (name, origin, groups) {
        (Some(name), Some(origin), Ok(groups)) => Some(AdminAct::AddApp(App {
            name,
            origin,
            groups: groups.unwrap_or_default(),
            second_factor,
        })),
        _ => None,
    };
    let view = |admin: &AdminVisit, fields| new_view(admin, fields, second_factor);
    post.act(act, view).await?;
    Ok(see_other("/admin/apps?done=added").finish())
}

/// The names of groups, sorted, each once. They stand between spaces or commas.
fn groups(text: &str) -> Result<Vec<GroupName>, NameError> {
    let names = text.split([' ', ',']).filter(|name| !name.is_empty());
    Ok(GroupName::sorted(
        names.map(str::parse).collect::<Result<_, _>>()?,
    ))
}

fn new_view(admin: &AdminVisit, fields: Vec<Field>, second_factor: bool) -> View {
    let paths = ("/admin/new-app", "/admin/apps");
    let view = NEW.view(admin, "bienvenue app show", paths, fields);
    let data = context! { asks_second_factor => true, second_factor, ..view.data.clone() };
    view.data(data)
}

/// `GET /admin/apps/{app}/groups`
pub(super) async fn show_groups(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let app = app(&admin).await?;
    let groups: Vec<&str> = app.groups.iter().map(GroupName::as_str).collect();
    let fields = vec![
        Field::app_groups().optional().filled(&groups.join(" ")),
        Field::own_password(),
    ];
    admin.visit.show(&groups_view(&admin, &app.name, fields))
}

/// `POST /admin/apps/{app}/groups`
pub(super) async fn submit_groups(mut post: AdminPost) -> Result<HttpResponse, Refusal> {
    let App { name, .. } = app(&post.admin).await?;
    let groups = post.form.take_optional(Field::app_groups(), groups).ok();
    let act = groups.map(|groups| AdminAct::SetAppGroups(name.clone(), groups.unwrap_or_default()));
    post.act(act, |admin, fields| groups_view(admin, &name, fields))
        .await?;
    Ok(see_other("/admin/apps?done=groups").finish())
}

fn groups_view(admin: &AdminVisit, app: &AppName, fields: Vec<Field>) -> View {
    let action = format!("/admin/apps/{app}/groups");
    GROUPS.view(admin, app.as_str(), (&action, "/admin/apps"), fields)
}

/// `GET /admin/apps/{app}/remove`
pub(super) async fn show_remove(admin: AdminVisit) -> Result<HttpResponse, Refusal> {
    let App { name, .. } = app(&admin).await?;
    let fields = vec![Field::own_password()];
    admin.visit.show(&remove_view(&admin, &name, fields))
}

/// `POST /admin/apps/{app}/remove`
pub(super) async fn submit_remove(post: AdminPost) -> Result<HttpResponse, Refusal> {
    let app: AppName = post.admin.named("app")?;
    let act = Some(AdminAct::RemoveApp(app.clone()));
    post.act(act, |admin, fields| remove_view(admin, &app, fields))
        .await?;
    Ok(see_other("/admin/apps?done=removed").finish())
}

fn remove_view(admin: &AdminVisit, app: &AppName, fields: Vec<Field>) -> View {
    let action = format!("/admin/apps/{app}/remove");
    REMOVE.view(admin, app.as_str(), (&action, "/admin/apps"), fields)
}

/// The application in the path.
async fn app(admin: &AdminVisit) -> Result<App, Refusal> {
    let name: AppName = admin.named("app")?;
    let read = admin.read(move |auth, administrator| auth.app(administrator, &name));
    read.await
}
