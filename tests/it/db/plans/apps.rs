//! Plans of the statements about groups, applications, and logins on their hosts.

use bienvenue::auth::{AccessRequest, login_next};
use bienvenue::domain::{App, AppUrl, Client, HandOverCode, LoginState, Origin, SessionId};

use super::bad_plans;
use crate::support::app::Setup;
use crate::support::statements::Statements;
use crate::support::{Engine, Place, email, settings};

#[actix_web::test]
async fn plans_of_applications_depend_on_no_statistics() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::on(engine) else {
            continue;
        };
        let sent = Statements::to(&place);
        let app = Setup::at(place).start().await;
        let db = app.place.open(settings(&app.clock));
        app.register("bob@dylan.com", "a_pwd").await;
        let id = app.log_in("bob@dylan.com", "a_pwd").await.session_id();
        let session = SessionId::parse(&id).unwrap();
        let bob = db.find_user_by(&email("bob@dylan.com")).unwrap().id;
        let (group, name) = ("staff".parse().unwrap(), "wiki".parse().unwrap());
        let wiki = App {
            name,
            origin: Origin::of_app("https://wiki.example.org").unwrap(),
            groups: vec![group],
            second_factor: false,
        };
        let group = &wiki.groups[0];
        db.create_group(group).unwrap();
        db.add_member(group, bob).unwrap();
        db.add_app(&wiki).unwrap();
        db.groups(None, 10).unwrap();
        db.has_group(group).unwrap();
        db.members_of(group, None, 10).unwrap();
        db.apps(None, 10).unwrap();
        db.app(&wiki.name).unwrap();
        db.delete_group(group).unwrap();
        db.access_facts(bob, &wiki.origin).unwrap();

        let page = AppUrl::asked(wiki.origin.clone(), b"/page");
        let state = LoginState::generate();
        let enter = app
            .auth
            .open_app(&session, &login_next(&page, &state))
            .unwrap();
        let code = enter.path().split(['=', '&']).nth(1).unwrap();
        let code = HandOverCode::parse(code).unwrap();
        let client = Client::default();
        let entered = app
            .auth
            .enter_app(Some(&code), Some(&state), Some(&page), &client);
        let mut request = AccessRequest {
            session: Some(session),
            app_session: Some(entered.unwrap()),
            url: Some(page),
            own_origin: Some(wiki.origin.clone()),
        };
        app.auth.verify_access(&request, &client).unwrap();
        request.app_session = None;
        app.auth.verify_access(&request, &client).unwrap();
        app.auth.export(&session).unwrap();
        db.remove_expired_tokens(10).unwrap();
        db.remove_member(group, bob).unwrap();
        db.remove_app(&wiki.name).unwrap();
        let bad = bad_plans(engine, &sent.all());
        assert!(bad.is_empty(), "{}", bad.join("\n\n"));
    }
}
