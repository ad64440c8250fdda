//! Plans of the statements of administration.

use actix_web::http::Method;
use bienvenue::auth::ThrottleSettings;
use bienvenue::domain::GroupName;

use super::bad_plans;
use crate::support::app::Setup;
use crate::support::statements::Statements;
use crate::support::{Engine, Place, email, settings};

#[actix_web::test]
async fn plans_of_administration_depend_on_no_statistics() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::on(engine) else {
            continue;
        };
        let sent = Statements::to(&place);
        let mut setup = Setup::at(place);
        setup.auth.throttle = ThrottleSettings::default();
        let app = setup.start().await;
        let db = app.place.open(settings(&app.clock));
        for user in ["ann@dylan.com", "bob@dylan.com"] {
            app.register(user, "a_pwd").await;
        }
        db.create_group(&GroupName::admins()).unwrap();
        let ann = db.find_user_by(&email("ann@dylan.com")).unwrap().id;
        db.add_member(&GroupName::admins(), ann).unwrap();
        let session = app.log_in("ann@dylan.com", "a_pwd").await.session_id();
        for path in [
            "/admin",
            "/admin?email=b&after=bob@dylan.com",
            "/admin/users/2",
            "/admin/users/2/audit",
            "/admin/groups?after=a",
            "/admin/groups/admins?after=1",
            "/admin/invitations?after=1",
            "/admin/apps?after=a",
        ] {
            let page = app.as_user(&session, Method::GET, path, "").await;
            assert_eq!(page.status, 200, "{path}");
        }
        for (path, fields) in [
            ("/admin/users/2/disable", ""),
            ("/admin/users/2/enable", ""),
            ("/admin/users/2/end-sessions", ""),
            ("/admin/users/2/reset-link", ""),
            ("/admin/users/2/reset-second-factor", ""),
            ("/admin/new-group", "&group=staff"),
            ("/admin/groups/staff/add", "&user_email=bob@dylan.com"),
            ("/admin/groups/staff/remove/2", ""),
            ("/admin/new-invitation", "&group=staff&days=7"),
            ("/admin/invitations/1/revoke", ""),
            ("/admin/new-app", "&app=wiki&url=https://wiki.example.org"),
            ("/admin/apps/wiki/groups", "&groups=staff"),
            ("/admin/apps/wiki/remove", ""),
            ("/admin/groups/staff/delete", ""),
            ("/admin/users/2/delete", "&user_email=bob@dylan.com"),
        ] {
            let form = format!("current_password=a_pwd{fields}");
            let answer = app.as_user(&session, Method::POST, path, form).await;
            assert!(answer.status.as_u16() < 400, "{path}: {}", answer.body);
        }
        let bad = bad_plans(engine, &sent.all());
        assert!(bad.is_empty(), "{}", bad.join("\n\n"));
    }
}
