//! What a browser gets on the host of an application: the page about a missing access, and the
//! way to the logout.

use super::*;

const PAGE: &str = "https://wiki.example.org/a%20page?b=c";

/// A question of the proxy about a browser's navigation.
async fn navigate(app: &App, path: &str, url: &str, cookie: &str) -> Answer {
    let headers = forwarded(url);
    let mut all: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    all.extend([
        ("Accept", "text/html"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Site", "none"),
        ("Cookie", cookie),
    ]);
    app.send(question(path, &all)).await
}

#[actix_web::test]
async fn browser_without_access_is_told_which_account_it_has() {
    let app = setup(Engine::Sqlite).unwrap().start().await;
    let session = user(&app, "bob@x.fr").await;
    let db = operator(&app);
    add_app(&db, "wiki", WIKI, &["staff"]);
    let wiki = enter(&app, PAGE, &session).await;
    let denied = navigate(&app, "/verify/redirect", PAGE, &wiki).await;
    assert_eq!(verdict(&denied), (303, Some("access_denied")));
    assert_eq!(identity(&denied), ["", "", ""]);
    let page = location(&denied);
    assert_eq!(page.origin().ascii_serialization(), LOGIN);
    assert_eq!((page.path(), next_of(&page).as_str()), ("/denied", PAGE));

    let own = format!("session_id={}", session.expose());
    let request = question(
        path_of(&page),
        &[
            ("Accept", "text/html"),
            ("Sec-Fetch-Mode", "navigate"),
            ("Cookie", &own),
        ],
    );
    let page = app.send(request).await;
    assert_eq!(page.status.as_u16(), 403);
    for part in ["bob@x.fr", "wiki.example.org", "action=\"/logout\""] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }

    // Programs, and nginx's question, get 403 as before.
    let denied = app.ask("/verify/redirect", PAGE, &wiki).await;
    assert_eq!(verdict(&denied), DENIED);
    let denied = navigate(&app, "/verify", PAGE, &wiki).await;
    assert_eq!(verdict(&denied), DENIED);
    // A host that is no application's is named nowhere.
    let other = "https://other.example.org/";
    let denied = navigate(&app, "/verify/redirect", other, &own).await;
    let page = location(&denied);
    assert_eq!(page.path(), "/denied");
    let page = app
        .send(question(
            path_of(&page),
            &[("Accept", "text/html"), ("Cookie", &own)],
        ))
        .await;
    assert!(!page.body.contains("other.example.org"), "{}", page.body);
}

#[actix_web::test]
async fn logout_begins_on_the_host_of_an_application() {
    let app = setup(Engine::Sqlite).unwrap().start().await;
    let session = user(&app, "bob@x.fr").await;
    add_app(&operator(&app), "wiki", WIKI, &[]);
    let wiki = enter(&app, PAGE, &session).await;
    let url = format!("{WIKI}/.bienvenue/logout");
    let leads = navigate(&app, "/.bienvenue/logout", &url, &wiki).await;
    assert_eq!(leads.status.as_u16(), 303);
    let page = location(&leads);
    assert_eq!(page.origin().ascii_serialization(), LOGIN);
    assert_eq!(
        (page.path(), next_of(&page)),
        ("/logout", format!("{WIKI}/"))
    );
    // It has changed nothing.
    assert_eq!(verdict(&app.ask("/verify", PAGE, &wiki).await), PASSED);

    let own = format!("session_id={}", session.expose());
    let form = format!("next={}%2F", WIKI.replace(':', "%3A").replace('/', "%2F"));
    let request = TestRequest::post()
        .uri("/logout")
        .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
        .insert_header(("Cookie", own))
        .set_payload(form);
    let done = app.send(request).await;
    assert_eq!(done.header("location"), Some("https://wiki.example.org/"));
    assert_eq!(verdict(&app.ask("/verify", PAGE, &wiki).await), LOGGED_OUT);
    // Without a proxy there is no application.
    let bare = app.send(question("/.bienvenue/logout", &[])).await;
    assert_eq!(bare.status.as_u16(), 404);
}
