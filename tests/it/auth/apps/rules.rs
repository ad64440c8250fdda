//! Access by the groups of users and applications.

use rstest::rstest;

use super::*;

/// An application on the service's own host, where the session cookie itself counts.
fn own_host(engine: Engine) -> Option<Setup> {
    let mut setup = setup(engine)?;
    setup.http.public_origin = Some(origin(WIKI));
    Some(setup)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn groups_decide_who_has_access(#[case] engine: Engine) {
    let Some(setup) = own_host(engine) else {
        return;
    };
    let app = setup.start().await;
    let (bob, eve) = (user(&app, "bob@x.fr").await, user(&app, "eve@x.fr").await);
    let [bob, eve] = [bob, eve].map(|id| format!("session_id={}", id.expose()));
    let page = "https://wiki.example.org/page?a=b";
    let db = operator(&app);
    // Without applications, every user passes, on every host and with no host at all.
    for url in [page, "https://other.example/"] {
        assert_eq!(verdict(&app.ask("/verify", url, &eve).await), PASSED);
    }
    let bare = app.send(question("/verify", &[("Cookie", &eve)])).await;
    assert_eq!(verdict(&bare), PASSED);

    add_app(&db, "wiki", WIKI, &["staff", "admins"]);
    join(&db, "bob@x.fr", "staff");
    join(&db, "bob@x.fr", "family");
    join(&db, "eve@x.fr", "family");
    let passed = app.ask("/verify", page, &bob).await;
    assert_eq!(verdict(&passed), PASSED);
    assert_eq!(identity(&passed), ["1", "bob@x.fr", "family,staff"]);
    let denied = app.ask("/verify", page, &eve).await;
    assert_eq!(verdict(&denied), DENIED);
    assert_eq!(identity(&denied), ["", "", ""]);
    // The next request sees each change.
    join(&db, "eve@x.fr", "admins");
    assert_eq!(verdict(&app.ask("/verify", page, &eve).await), PASSED);
    let eves = db.find_user_by(&email("eve@x.fr")).unwrap();
    assert!(
        db.remove_member(&"admins".parse().unwrap(), eves.id)
            .unwrap()
    );
    assert_eq!(verdict(&app.ask("/verify", page, &eve).await), DENIED);
    assert!(db.remove_app(&"wiki".parse().unwrap()).unwrap());
    assert_eq!(verdict(&app.ask("/verify", page, &eve).await), PASSED);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn application_without_groups_is_for_every_user(#[case] engine: Engine) {
    let Some(setup) = own_host(engine) else {
        return;
    };
    let app = setup.start().await;
    let bob = format!("session_id={}", user(&app, "bob@x.fr").await.expose());
    add_app(&operator(&app), "wiki", WIKI, &[]);
    let passed = app.ask("/verify", WIKI, &bob).await;
    assert_eq!(verdict(&passed), PASSED);
    assert_eq!(identity(&passed), ["1", "bob@x.fr", ""]);
    let redirected = app.ask("/verify/redirect", WIKI, "").await;
    assert_eq!(verdict(&redirected), LOGGED_OUT, "no navigation");
    assert_eq!(redirected.header("location"), Some("/login?next=/"));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn group_of_an_application_cannot_be_deleted(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = place.open(settings(&Clock::set_to(crate::support::START)));
    add_app(&db, "wiki", WIKI, &["staff"]);
    let staff = "staff".parse().unwrap();
    let in_use = bienvenue::db::GroupDeletion::InUse(vec!["wiki".parse().unwrap()]);
    assert_eq!(db.delete_group(&staff).unwrap(), in_use);
    // Neither by SQL, where the engine checks references.
    if engine == Engine::Postgres {
        let sql = std::panic::AssertUnwindSafe(|| place.sql("DELETE FROM groups"));
        assert!(std::panic::catch_unwind(sql).is_err());
    }
    assert!(db.remove_app(&"wiki".parse().unwrap()).unwrap());
    let deleted = bienvenue::db::GroupDeletion::Deleted;
    assert_eq!(db.delete_group(&staff).unwrap(), deleted);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn groups_are_exported_and_go_with_the_account(#[case] engine: Engine) {
    let Some(setup) = setup(engine) else {
        return;
    };
    let app = setup.start().await;
    let id = user(&app, "bob@x.fr").await;
    let db = operator(&app);
    add_app(&db, "wiki", WIKI, &["staff"]);
    join(&db, "bob@x.fr", "staff");
    join(&db, "bob@x.fr", "family");
    enter(&app, "https://wiki.example.org/", &id).await;
    let cookie = format!("session_id={}", id.expose());
    let export = app
        .with_cookie(Method::GET, "/profile/export", &cookie)
        .await;
    let export = export.json();
    assert_eq!(export["groups"], serde_json::json!(["family", "staff"]));
    assert_eq!(export["app_logins"][0]["app"], "wiki");
    let body = "current_password=a_pwd";
    let deleted = app
        .as_user(&id.expose(), Method::DELETE, "/profile", body)
        .await;
    assert_eq!(deleted.status.as_u16(), 200);
    for table in ["group_members", "app_sessions", "hand_over_codes"] {
        let left = app
            .place
            .texts(&format!("SELECT 'x' AS value FROM {table}"));
        assert!(left.is_empty(), "{table}");
    }
}
