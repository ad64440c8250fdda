//! One login for applications on several hosts.

use rstest::rstest;

use super::*;

const PAGE: &str = "https://wiki.example.org/a%20page?b=c&d=%2F";
const CART: &str = "https://shop.example.net/cart";

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn one_login_opens_all_applications(#[case] engine: Engine) {
    let Some(setup) = setup(engine) else {
        return;
    };
    let app = setup.start().await;
    let session = user(&app, "bob@x.fr").await;
    let db = operator(&app);
    add_app(&db, "wiki", WIKI, &[]);
    add_app(&db, "shop", SHOP, &["staff"]);
    let (wiki, shop) = (
        enter(&app, PAGE, &session).await,
        enter(&app, CART, &session).await,
    );
    let passed = app.ask("/verify", PAGE, &wiki).await;
    assert_eq!(verdict(&passed), PASSED);
    assert_eq!(identity(&passed), ["1", "bob@x.fr", ""]);
    assert_eq!(verdict(&app.ask("/verify", CART, &shop).await), DENIED);
    join(&db, "bob@x.fr", "staff");
    let passed = app.ask("/verify/redirect", CART, &shop).await;
    assert_eq!(identity(&passed), ["1", "bob@x.fr", "staff"]);
    // A logout ends the login on every host.
    log_out(&app, &session).await;
    for (page, cookie) in [(PAGE, &wiki), (CART, &shop)] {
        assert_eq!(verdict(&app.ask("/verify", page, cookie).await), LOGGED_OUT);
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn end_of_a_session_ends_its_application_logins(#[case] engine: Engine) {
    let Some(setup) = setup(engine) else {
        return;
    };
    let app = setup.start().await;
    let db = operator(&app);
    add_app(&db, "wiki", WIKI, &[]);
    let passes = async |cookie: &str| {
        let answer = app.ask("/verify", PAGE, cookie).await;
        assert!([PASSED, LOGGED_OUT].contains(&verdict(&answer)));
        answer.status.as_u16() == 200
    };

    let session = user(&app, "bob@x.fr").await;
    let wiki = enter(&app, PAGE, &session).await;
    let body = "current_password=a_pwd&new_password=b_pwd";
    let id = session.expose();
    let changed = app
        .as_user(&id, Method::PUT, "/profile/password", body)
        .await;
    assert_eq!(changed.status.as_u16(), 200);
    assert!(!passes(&wiki).await, "a changed password");

    let session = user(&app, "eve@x.fr").await;
    let wiki = enter(&app, PAGE, &session).await;
    let own = format!("session_id={}", session.expose());
    let list = app.with_cookie(Method::GET, "/sessions", &own).await;
    let name = list.json()[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/sessions/{name}");
    app.as_user(&session.expose(), Method::DELETE, &path, "")
        .await;
    assert!(!passes(&wiki).await, "the list of sessions");

    let session = user(&app, "ann@x.fr").await;
    let wiki = enter(&app, PAGE, &session).await;
    assert!(passes(&wiki).await);
    assert!(db.remove_app(&"wiki".parse().unwrap()).unwrap());
    add_app(&db, "wiki", WIKI, &[]);
    assert!(!passes(&wiki).await, "a removed application");

    let wiki = enter(&app, PAGE, &session).await;
    app.advance(25 * 3600);
    assert!(!passes(&wiki).await, "an idle session");
    let gone = app.place.open(settings(&app.clock));
    assert!(gone.remove_expired_sessions(10).unwrap() > 0);
    let left = app
        .place
        .texts("SELECT app_name AS value FROM app_sessions");
    assert!(left.is_empty(), "cleanup: {left:?}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn use_of_an_application_keeps_the_session(#[case] engine: Engine) {
    let Some(setup) = setup(engine) else {
        return;
    };
    let app = setup.start().await;
    add_app(&operator(&app), "wiki", WIKI, &[]);
    let session = user(&app, "bob@x.fr").await;
    let wiki = enter(&app, PAGE, &session).await;
    for _ in 0..3 {
        app.advance(20 * 3600);
        assert_eq!(verdict(&app.ask("/verify", PAGE, &wiki).await), PASSED);
        app.auth.flush();
    }
    assert_eq!(app.profile(&session.expose()).await.status.as_u16(), 200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn cookie_is_for_its_host_alone(#[case] engine: Engine) {
    let Some(setup) = setup(engine) else {
        return;
    };
    let app = setup.start().await;
    add_app(&operator(&app), "wiki", WIKI, &[]);
    let session = user(&app, "bob@x.fr").await;
    let (enter, state) = code(&app, PAGE, &session).await;
    let answer = app.ask(path_of(&enter), enter.as_str(), &state).await;
    let set = answer.headers("set-cookie");
    let [set] = set[..] else { panic!("{set:?}") };
    let (_, attributes) = set.split_once(';').unwrap();
    assert!(set.starts_with("__Host-app_session="), "{set}");
    let mut attributes: Vec<&str> = attributes.split(';').map(str::trim).collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    let stored = app.place.texts("SELECT 'x' AS value FROM hand_over_codes");
    assert!(stored.is_empty(), "a spent code is gone");
}

#[actix_web::test]
async fn navigation_is_redirected_and_a_program_is_not() {
    let app = setup(Engine::Sqlite).unwrap().start().await;
    add_app(&operator(&app), "wiki", WIKI, &[]);
    let html = "text/html,application/xhtml+xml";
    for (headers, status) in [
        (&[("Sec-Fetch-Mode", "navigate")][..], 303),
        (&[("Accept", html)], 303),
        (&[("Sec-Fetch-Mode", "navigate"), ("Accept", "*/*")], 303),
        (&[], 401),
        (&[("Accept", "*/*")], 401),
        (&[("Accept", "application/json")], 401),
        (&[("Sec-Fetch-Mode", "cors"), ("Accept", html)], 401),
        (&[("Sec-Fetch-Mode", "no-cors")], 401),
    ] {
        let named = forwarded(PAGE);
        let mut all: Vec<_> = named.iter().map(|(n, v)| (*n, v.as_str())).collect();
        all.extend(headers);
        let answer = app.send(question("/verify/redirect", &all)).await;
        assert_eq!(answer.status.as_u16(), status, "{headers:?}");
        assert_eq!(identity(&answer), ["", "", ""]);
        let login = location(&answer);
        assert_eq!(login.origin().ascii_serialization(), LOGIN);
        assert_eq!(login.path(), "/login");
        assert!(next_of(&login).starts_with("https://wiki.example.org/.bienvenue/enter?state="));
    }
    // The service's own host, and a host that is not registered, have the relative path.
    for url in ["https://login.example.org/x", "https://other.example/x"] {
        let answer = app.ask("/verify", url, "").await;
        assert_eq!(answer.header("location"), Some("/login?next=/x"));
        assert!(answer.headers("set-cookie").is_empty());
    }
}

#[actix_web::test]
async fn two_tabs_may_log_in_at_the_same_time() {
    let app = setup(Engine::Sqlite).unwrap().start().await;
    add_app(&operator(&app), "wiki", WIKI, &[]);
    let session = user(&app, "bob@x.fr").await;
    let (first, state) = code(&app, PAGE, &session).await;
    let other = app
        .ask("/verify", "https://wiki.example.org/other", &state)
        .await;
    assert_eq!(cookie(&other, "__Host-login_state").as_ref(), Some(&state));
    let second = open(&app.auth, &next_of(&location(&other)), &session);
    for enter in [second, first] {
        let answer = app.ask(path_of(&enter), enter.as_str(), &state).await;
        assert_eq!(answer.status.as_u16(), 303, "{}", answer.body);
    }
}
