//! The check of administrators: each route of administration, by each kind of client.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::auth::SecondFactorPolicy;
use bienvenue::domain::{App, GroupName, Origin};

use super::{ANN, BOB, Stand, visitor};
use crate::http::pages::visitor::Visitor;
use crate::http::pages::{assert_leads, assert_page};
use crate::support::app::Setup;

/// The routes of administration, as the program's own table has them, with a method.
async fn routes(stand: &Stand) -> Vec<(Method, String)> {
    let table = include_str!("../../../../../src/http/pages/admin/mod.rs");
    let paths = table.split("AdminPage::new(\"").skip(1);
    let paths = paths.map(|rest| rest.split('"').next().unwrap());
    let mut routes = Vec::new();
    for path in paths {
        let bob = stand.id(BOB).to_string();
        let path = path.replace("{group}", "staff").replace("{app}", "wiki");
        let path = path.replace("{id}", &bob);
        let options = TestRequest::with_uri(&path).method(Method::OPTIONS);
        let answer = stand.app.send(options).await;
        let allow = answer.header("allow").unwrap();
        for method in [Method::GET, Method::POST] {
            if allow.split(", ").any(|allowed| allowed == method.as_str()) {
                routes.push((method, path.clone()));
            }
        }
    }
    assert!(routes.len() > 30, "{routes:?}");
    routes
}

async fn send(
    stand: &Stand,
    by: &Visitor,
    (method, path): &(Method, String),
) -> crate::support::app::Answer {
    if *method == Method::GET {
        by.get(&stand.app, path).await
    } else {
        let form = [("current_password", "bob_pwd")];
        by.post(&stand.app, path, &form).await
    }
}

#[actix_web::test]
async fn r104_only_administrators_have_administration() {
    let stand = Stand::start(Setup::new()).await;
    stand.db.create_group(&"staff".parse().unwrap()).unwrap();
    let user = visitor(&stand.app, BOB, "bob_pwd").await;
    // An administrator until a moment ago, in a session from then.
    stand.app.register("eve@x.fr", "bob_pwd").await;
    stand.make_admin("eve@x.fr");
    let former = visitor(&stand.app, "eve@x.fr", "bob_pwd").await;
    assert_page(&former.get(&stand.app, "/admin").await, 200);
    let eve = stand.id("eve@x.fr");
    stand.db.remove_member(&GroupName::admins(), eve).unwrap();
    let before = stand.app.place.texts("SELECT email AS value FROM users");
    for route in routes(&stand).await {
        for visitor in [&user, &former] {
            let page = send(&stand, visitor, &route).await;
            assert_page(&page, 403);
            assert_eq!(page.header("bienvenue-error"), Some("not_administrator"));
            assert!(!page.body.contains(ANN), "{route:?}: {}", page.body);
        }
        let stranger = send(&stand, &Visitor::default(), &route).await;
        assert_eq!(stranger.status, 303, "{route:?}");
        let location = stranger.header("location").unwrap();
        assert!(location.starts_with("/login?reason=login_required&next=%2Fadmin"));
    }
    let after = stand.app.place.texts("SELECT email AS value FROM users");
    assert_eq!(before, after);
}

#[actix_web::test]
async fn r104_each_act_asks_for_the_password() {
    let stand = Stand::start(Setup::new()).await;
    stand.db.create_group(&"staff".parse().unwrap()).unwrap();
    let wiki = App {
        name: "wiki".parse().unwrap(),
        origin: Origin::of_app("https://wiki.example.org").unwrap(),
        groups: Vec::new(),
        second_factor: false,
    };
    stand.db.add_app(&wiki).unwrap();
    let mut acts = 0;
    for (method, path) in routes(&stand).await {
        // The options of a passkey are no act.
        if method == Method::GET || path == "/admin/passkey/options" {
            continue;
        }
        for (form, text) in [
            (&[][..], "Enter your current password."),
            (&[("current_password", "wrong")], "The password is wrong."),
            (&[("current_password", "bob_pwd")], "The password is wrong."),
        ] {
            // Fields that are right, as far as the form has them.
            let mut form = form.to_vec();
            form.extend([
                ("user_email", BOB),
                ("group", "staff"),
                ("app", "wiki"),
                ("url", "https://wiki.example.org"),
                ("groups", "staff"),
                ("days", "7"),
            ]);
            let page = stand.ann.post(&stand.app, &path, &form).await;
            assert_page(&page, 403);
            let code = page.header("bienvenue-error");
            assert_eq!(code, Some("reauthentication_required"), "{path}");
            let beside = format!("id=\"current_password-wrong\">{text}");
            assert!(page.body.contains(&beside), "{path}: {}", page.body);
            assert!(!page.body.contains("value=\"wrong\""));
        }
        acts += 1;
    }
    assert!(acts > 12);
    let bob = stand.db.account_dates(stand.id(BOB)).unwrap();
    assert_eq!(bob.disabled_at, None);
    let staff = "staff".parse().unwrap();
    assert!(stand.db.members_of(&staff, None, 9).unwrap().is_empty());
    assert!(stand.db.invitations(None, 9).unwrap().is_empty());
    assert_eq!(stand.db.apps(None, 9).unwrap(), [wiki]);
}

#[actix_web::test]
async fn typed_text_stays_when_the_password_is_wrong() {
    let stand = Stand::start(Setup::new()).await;
    let form = [
        ("app", "wiki"),
        ("url", "https://wiki.example.org"),
        ("groups", "staff, family"),
        ("second_factor", "on"),
        ("current_password", "s3cret"),
    ];
    let page = stand.ann.post(&stand.app, "/admin/new-app", &form).await;
    assert_page(&page, 403);
    for kept in [
        "value=\"wiki\"",
        "value=\"https:&#x2f;&#x2f;wiki.example.org\"",
        "value=\"staff, family\"",
        "name=\"second_factor\" value=\"on\" checked",
    ] {
        assert!(page.body.contains(kept), "{kept}: {}", page.body);
    }
    assert!(!page.body.contains("s3cret"));
}

#[actix_web::test]
async fn r104_administrator_with_a_second_factor_shows_it() {
    let stand = Stand::start(Setup::new()).await;
    assert_page(&stand.ann.get(&stand.app, "/admin").await, 200);
    // The authenticator app of another session of hers.
    let ann = stand.id(ANN);
    let insert = format!(
        "INSERT INTO totp (user_id, secret, created_at, confirmed_at, last_step) \
         VALUES ({ann}, '', 1, 1, 0)"
    );
    stand.app.place.sql(&insert);
    weak_session_reads_nothing_and_acts_never(
        &stand,
        "/login?reason=step_up&next=%2Fadmin",
        "second_factor_required",
    )
    .await;
}

/// A page leads to the second factor, and an act is refused.
async fn weak_session_reads_nothing_and_acts_never(stand: &Stand, leads: &str, code: &str) {
    for route in routes(stand).await {
        let answer = send(stand, &stand.ann, &route).await;
        if route.0 == Method::GET {
            assert_eq!(answer.status, 303, "{route:?}");
            assert!(answer.header("location").unwrap().starts_with(leads));
        } else {
            assert_page(&answer, 403);
            assert_eq!(answer.header("bienvenue-error"), Some(code), "{route:?}");
        }
        assert!(!answer.body.contains(BOB), "{route:?}: {}", answer.body);
    }
}

#[actix_web::test]
async fn required_second_factor_is_required_of_administrators() {
    let mut setup = Setup::new();
    setup.auth.second_factor = SecondFactorPolicy::Required;
    let stand = Stand::start(setup).await;
    weak_session_reads_nothing_and_acts_never(
        &stand,
        "/account/second-factor?next=%2Fadmin",
        "second_factor_enrolment_required",
    )
    .await;
}

#[actix_web::test]
async fn account_leads_administrators_to_administration() {
    let stand = Stand::start(Setup::new()).await;
    let link = "<a href=\"/admin\">";
    let page = stand.ann.get(&stand.app, "/account").await;
    assert!(page.body.contains(link), "{}", page.body);
    let bob = visitor(&stand.app, BOB, "bob_pwd").await;
    assert!(!bob.get(&stand.app, "/account").await.body.contains(link));
}

#[actix_web::test]
async fn administrators_do_not_lock_themselves_out() {
    let stand = Stand::start(Setup::new()).await;
    let ann = stand.id(ANN);
    for (path, fields) in [
        (format!("/admin/users/{ann}/disable"), &[][..]),
        (format!("/admin/users/{ann}/reset-second-factor"), &[]),
        (format!("/admin/users/{ann}/delete"), &[("user_email", ANN)]),
        (format!("/admin/groups/admins/remove/{ann}"), &[]),
        ("/admin/groups/admins/delete".to_owned(), &[]),
    ] {
        let page = stand.act(&path, fields).await;
        assert_page(&page, 409);
        assert_eq!(page.header("bienvenue-error"), Some("act_refused"));
        assert!(page.body.contains("role=\"alert\""), "{}", page.body);
        assert_page(&stand.ann.get(&stand.app, "/admin").await, 200);
    }
    let answer = stand
        .act(&format!("/admin/users/{ann}/end-sessions"), &[])
        .await;
    assert_leads(&answer, &format!("/admin/users/{ann}?done=sessions"));
}
