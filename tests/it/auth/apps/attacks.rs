//! Attacks on applications: forged hosts, stolen cookies, codes of others.

use std::sync::{Arc, Barrier};

use bienvenue::domain::{AppUrl, Client, HandOverCode, LoginState};
use rstest::rstest;

use super::*;
use crate::support::app::quick;

const PAGE: &str = "https://wiki.example.org/page";
const CART: &str = "https://shop.example.net/cart";

async fn two_apps(engine: Engine) -> Option<App> {
    let app = setup(engine)?.start().await;
    let db = operator(&app);
    add_app(&db, "wiki", WIKI, &[]);
    add_app(&db, "shop", SHOP, &[]);
    Some(app)
}

fn refused(answer: &Answer) {
    assert_eq!(
        verdict(answer),
        (403, Some("invalid_code")),
        "{}",
        answer.body
    );
    assert_eq!(answer.header("location"), None);
    assert!(answer.headers("set-cookie").is_empty());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn stolen_cookie_is_useless_on_another_host(#[case] engine: Engine) {
    let Some(app) = two_apps(engine).await else {
        return;
    };
    let session = user(&app, "bob@x.fr").await;
    let wiki = enter(&app, PAGE, &session).await;
    assert_eq!(verdict(&app.ask("/verify", PAGE, &wiki).await), PASSED);
    // At the other application, at the service, on another port, and as a session.
    for url in [
        CART,
        LOGIN,
        "https://wiki.example.org:8443/",
        "https://other.example/",
    ] {
        assert_eq!(
            verdict(&app.ask("/verify", url, &wiki).await),
            LOGGED_OUT,
            "{url}"
        );
    }
    let id = wiki.split_once('=').unwrap().1;
    assert_eq!(app.profile(id).await.status.as_u16(), 403);
    // The session of the login is none on the hosts of applications.
    let own = format!("session_id={}", session.expose());
    assert_eq!(verdict(&app.ask("/verify", PAGE, &own).await), LOGGED_OUT);
    let as_app = format!("__Host-app_session={}", session.expose());
    assert_eq!(
        verdict(&app.ask("/verify", PAGE, &as_app).await),
        LOGGED_OUT
    );
    // Nothing of a proxy that is not trusted.
    let named = forwarded(PAGE);
    let mut request = TestRequest::with_uri("/verify").peer_addr("192.0.2.1:4000".parse().unwrap());
    for (name, value) in &named {
        request = request.insert_header((*name, value.as_str()));
    }
    let answer = app.send(request.insert_header(("Cookie", wiki))).await;
    assert_eq!(verdict(&answer), LOGGED_OUT);
}

#[actix_web::test]
async fn forged_headers_open_nothing() {
    let app = two_apps(Engine::Sqlite).await.unwrap();
    let session = user(&app, "bob@x.fr").await;
    let own = format!("session_id={}", session.expose());
    let wiki = enter(&app, PAGE, &session).await;
    let both = format!("{own}; {wiki}");
    let proto = ("X-Forwarded-Proto", "https");
    let host = |host| ("X-Forwarded-Host", host);
    for headers in [
        // No URL, or not one.
        &[][..],
        &[proto],
        &[host("wiki.example.org")],
        &[proto, host("wiki.example.org"), host("shop.example.net")],
        &[proto, host("wiki.example.org"), host("wiki.example.org")],
        &[proto, proto, host("wiki.example.org")],
        &[proto, host("wiki.example.org, shop.example.net")],
        &[proto, host("wiki.example.org"), ("X-Original-URL", CART)],
        &[("X-Original-URL", PAGE), ("X-Original-URL", PAGE)],
        &[("X-Original-URL", "wiki.example.org")],
        // Other hosts, however alike.
        &[proto, host("wiki.example.org.")],
        &[proto, host("wiki.example.org:8443")],
        &[proto, host("wiki.example.org@shop.example.net")],
        &[proto, host("wiki%2eexample.org")],
        &[proto, host("xn--wiki-.example.org")],
        &[proto, host("evil.wiki.example.org")],
        &[proto, host("wiki.example.org.evil.example")],
        &[("X-Forwarded-Proto", "http"), host("wiki.example.org")],
        &[("X-Forwarded-Proto", "HTTPS"), host("wiki.example.org")],
        // The path is not what names the application.
        &[proto, host("other.example"), ("X-Forwarded-Uri", PAGE)],
        // The Host header neither.
        &[("Host", "wiki.example.org"), proto],
    ] {
        let mut all = headers.to_vec();
        all.push(("Cookie", &both));
        let answer = app.send(question("/verify", &all)).await;
        assert_eq!(verdict(&answer), DENIED, "{headers:?}");
        assert_eq!(identity(&answer), ["", "", ""]);
    }
    // Letter case and the default port are the same host to a browser.
    for name in ["WIKI.Example.ORG", "wiki.example.org:443"] {
        let all = [proto, host(name), ("Cookie", wiki.as_str())];
        assert_eq!(
            verdict(&app.send(question("/verify", &all)).await),
            PASSED,
            "{name}"
        );
    }
    let lies = [
        proto,
        host("wiki.example.org"),
        ("Cookie", wiki.as_str()),
        ("Remote-User", "7"),
        ("Remote-Groups", "admins"),
    ];
    let answer = app.send(question("/verify", &lies)).await;
    assert_eq!(identity(&answer), ["1", "bob@x.fr", ""]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn code_is_valid_once_and_for_its_host(#[case] engine: Engine) {
    let Some(app) = two_apps(engine).await else {
        return;
    };
    let session = user(&app, "bob@x.fr").await;
    let (enter, state) = code(&app, PAGE, &session).await;
    let path = path_of(&enter);
    // On another host, with that host's own state too.
    let shops = app.ask("/verify", CART, "").await;
    let shops = cookie(&shops, "__Host-login_state").unwrap();
    for cookies in [&state, &shops] {
        let at_shop = format!("{SHOP}{path}");
        refused(&app.ask(path, &at_shop, cookies).await);
    }
    // Without the cookie of the browser that asked, or with another's.
    refused(&app.ask(path, enter.as_str(), "").await);
    let mine = format!("__Host-login_state={}", LoginState::generate().expose());
    refused(&app.ask(path, enter.as_str(), &mine).await);
    // Straight from a client, and with a code that is no code.
    refused(&app.with_cookie(Method::GET, path, &state).await);
    for path in ["/.bienvenue/enter", "/.bienvenue/enter?code=x&next=/"] {
        refused(&app.ask(path, enter.as_str(), &state).await);
    }
    let twice = format!("{path}&code=x");
    refused(&app.ask(&twice, enter.as_str(), &state).await);
    let entered = app.ask(path, enter.as_str(), &state).await;
    assert_eq!(entered.status.as_u16(), 303);
    refused(&app.ask(path, enter.as_str(), &state).await);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn code_expires_and_ends_with_the_session(#[case] engine: Engine) {
    let Some(app) = two_apps(engine).await else {
        return;
    };
    let session = user(&app, "bob@x.fr").await;
    let (late, state) = code(&app, PAGE, &session).await;
    app.advance(60);
    refused(&app.ask(path_of(&late), late.as_str(), &state).await);
    let (ended, state) = code(&app, PAGE, &session).await;
    log_out(&app, &session).await;
    refused(&app.ask(path_of(&ended), ended.as_str(), &state).await);
    let next = app.auth.app_url(PAGE).unwrap().unwrap();
    assert!(app.auth.open_app(&session, &next).is_err());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn code_is_spent_by_one_of_two_instances(#[case] engine: Engine) {
    let Some(app) = two_apps(engine).await else {
        return;
    };
    let session = user(&app, "bob@x.fr").await;
    for _ in 0..5 {
        let (enter, state) = code(&app, PAGE, &session).await;
        let value = enter
            .query_pairs()
            .find(|(name, _)| name == "code")
            .unwrap()
            .1;
        let code = HandOverCode::parse(&value).unwrap();
        let state = LoginState::parse(state.split_once('=').unwrap().1).unwrap();
        let url = AppUrl::parse(PAGE).unwrap();
        let start = Arc::new(Barrier::new(8));
        let tries: Vec<_> = (0..8)
            .map(|_| {
                let auth = Auth::new(operator(&app), quick()).unwrap();
                let (start, url) = (Arc::clone(&start), url.clone());
                std::thread::spawn(move || {
                    start.wait();
                    auth.enter_app(Some(&code), Some(&state), Some(&url), &Client::default())
                        .is_ok()
                })
            })
            .collect();
        let won = tries.into_iter().map(|tried| tried.join().unwrap());
        assert_eq!(won.filter(|won| *won).count(), 1);
    }
}

#[actix_web::test]
async fn next_leads_to_no_other_host() {
    let app = two_apps(Engine::Sqlite).await.unwrap();
    let session = user(&app, "bob@x.fr").await;
    for next in [
        "https://evil.example/",
        "https://wiki.example.org@evil.example/",
        "https://wiki.example.org.evil.example/",
        "https://wiki.example.org:8443/",
        "http://wiki.example.org/",
        "https://wiki.example.org\\@evil.example/",
        "//wiki.example.org/",
        "https://wıki.example.org/",
        "/",
        "",
    ] {
        assert_eq!(app.auth.app_url(next).unwrap(), None, "{next}");
    }
    // Behind the code, a path stays on the host, also one that begins with two slashes.
    for (path, page) in [
        (
            "//evil.example/x",
            "https://wiki.example.org//evil.example/x",
        ),
        ("https://evil.example/", "https://wiki.example.org/"),
        ("/\\evil.example", "https://wiki.example.org/"),
        ("@evil.example", "https://wiki.example.org/"),
        ("/ok?a=b", "https://wiki.example.org/ok?a=b"),
    ] {
        let (mut enter, state) = code(&app, PAGE, &session).await;
        let code = enter
            .query_pairs()
            .find(|(name, _)| name == "code")
            .unwrap()
            .1
            .into_owned();
        enter
            .query_pairs_mut()
            .clear()
            .append_pair("code", &code)
            .append_pair("next", path);
        let answer = app.ask(path_of(&enter), enter.as_str(), &state).await;
        assert_eq!(answer.header("location"), Some(page), "{path}");
    }
}

#[actix_web::test]
async fn login_without_a_state_hands_over_nothing() {
    let app = two_apps(Engine::Sqlite).await.unwrap();
    let session = user(&app, "bob@x.fr").await;
    // A link that an attacker makes: the victim ends where the proxy asks for a login.
    let page = open(&app.auth, PAGE, &session);
    assert_eq!(page.as_str(), PAGE);
    let codes = app.place.texts("SELECT 'x' AS value FROM hand_over_codes");
    assert!(codes.is_empty());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn odd_group_names_open_nothing(#[case] engine: Engine) {
    let Some(mut setup) = setup(engine) else {
        return;
    };
    setup.http.public_origin = Some(origin(WIKI));
    let app = setup.start().await;
    let cookie = format!("session_id={}", user(&app, "bob@x.fr").await.expose());
    add_app(&operator(&app), "wiki", WIKI, &["admins"]);
    // Names that only SQL could bring in: none is cut to another one, none makes a header.
    app.place.sql(
        "INSERT INTO groups (name) VALUES ('x,admins'), ('Admins'), ('admins '), ('a%2Cb');
         INSERT INTO group_members SELECT 1, name FROM groups WHERE name NOT IN ('admins', 'x,admins');",
    );
    assert_eq!(verdict(&app.ask("/verify", WIKI, &cookie).await), DENIED);
    app.place.sql("DELETE FROM app_groups");
    let passed = app.ask("/verify", WIKI, &cookie).await;
    assert_eq!(identity(&passed)[2], "Admins,a%252Cb,admins%20");
}
