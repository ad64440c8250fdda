//! The page with the latest mails, for developers.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::mail::{Folder, Mailer, RecentMails, TemplateSettings, Templates};

use super::navigation;
use crate::support::app::{App, Setup};
use crate::support::program::{Server, program};
use crate::support::{Place, email, eventually};

const PATH: &str = "/development/mails";

fn templates() -> Templates {
    Templates::new(TemplateSettings {
        folder: None,
        reset_page: Some("http://localhost:5000/reset?token=".parse().unwrap()),
        verify_page: None,
        undo_page: None,
        service: "<b>Acme</b>".to_owned(),
        service_url: "http://localhost:5000".to_owned(),
    })
    .unwrap()
}

/// A service in development mode that has sent a reset mail.
async fn with_a_mail() -> App {
    let place = Place::new();
    let folder = Folder::new(place.path("mail"), email("bienvenue@localhost"));
    let mut setup = Setup::at(place);
    let mailer = Mailer::Development(folder, RecentMails::default());
    setup.mails = Some((mailer, templates()));
    let app = setup.start().await;
    app.register("bob@x.fr", "bob_pwd").await;
    app.form(Method::POST, "/reset_password", "email=bob@x.fr")
        .await;
    let recent = app.auth.recent_mails().unwrap().clone();
    eventually("a mail", || !recent.newest_first().is_empty());
    app
}

fn local(peer: &str) -> TestRequest {
    navigation(Method::GET, PATH)
        .peer_addr(peer.parse().unwrap())
        .insert_header(("Host", "localhost:5000"))
}

#[actix_web::test]
async fn latest_mails_are_shown_to_this_machine() {
    let app = with_a_mail().await;
    for peer in ["127.0.0.1:4000", "[::1]:4000", "[::ffff:127.0.0.1]:4000"] {
        let page = app.send(local(peer)).await;
        super::assert_page(&page, 200);
        let link = "<a href=\"http:&#x2f;&#x2f;localhost:5000&#x2f;reset?token=";
        assert!(page.body.contains(link), "{}", page.body);
        assert!(page.body.contains("bob@x.fr"), "{}", page.body);
        assert!(!page.body.contains("<b>Acme"), "{}", page.body);
    }
}

#[actix_web::test]
async fn other_clients_do_not_see_the_mails() {
    let app = with_a_mail().await;
    let here = || local("127.0.0.1:4000");
    assert_eq!(app.send(here()).await.status, 200);
    let refused = [
        local("192.0.2.7:4000"),
        local("10.0.0.1:4000"),
        navigation(Method::GET, PATH).insert_header(("Host", "localhost:5000")),
        here().insert_header(("Host", "evil.example")),
        here().insert_header(("Host", "localhost.evil.example:5000")),
        here().insert_header(("Sec-Fetch-Site", "cross-site")),
        here().insert_header(("Sec-Fetch-Site", "same-site")),
        here().version(actix_web::http::Version::HTTP_10),
    ];
    let proxied = [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Uri",
        "X-Original-URL",
        "X-Real-IP",
        "Forwarded",
        "Via",
    ];
    let proxied = proxied.map(|name| here().insert_header((name, "127.0.0.1")));
    for request in refused.into_iter().chain(proxied) {
        let answer = app.send(request).await;
        assert_eq!(answer.status, 404, "{}", answer.body);
        assert!(!answer.body.contains("token="), "{}", answer.body);
    }
}

#[actix_web::test]
async fn other_services_have_no_page_of_mails() {
    let app = super::with_mails().start().await;
    app.register("bob@x.fr", "bob_pwd").await;
    assert_eq!(app.send(local("127.0.0.1:4000")).await.status, 404);
}

#[test]
fn link_of_a_mail_is_logged_in_development_mode_only() {
    let place = Place::new();
    let reset = |server: &Server| {
        let url = |path: &str| format!("http://{}{path}", server.address);
        let client = reqwest::blocking::Client::new();
        let bob = [("email", "bob@x.fr"), ("password", "a horse and 4 staples")];
        let answer = client.post(url("/users")).form(&bob).send().unwrap();
        assert!([201, 400].contains(&answer.status().as_u16()));
        let asked = client.post(url("/reset_password")).form(&bob[..1]).send();
        assert_eq!(asked.unwrap().status().as_u16(), 200);
    };
    let mut server = Server::start(&place);
    reset(&server);
    let line = server.wait_for("development mode: mail to bob@x.fr");
    assert!(line.contains("/reset?token="), "{line}");
    let page = reqwest::blocking::get(format!("http://{}{PATH}", server.address)).unwrap();
    assert_eq!(page.status().as_u16(), 200);
    drop(server);

    let place = Place::new();
    let mut command = program(place.folder(), &["--bind=127.0.0.1:0", "--bcrypt-cost=10"]);
    command.arg("--public-url=https://login.example.org");
    let mut server = Server::spawn(command);
    reset(&server);
    server.wait_for("mail sent");
    assert_eq!(server.logged("token="), 0);
    let page = reqwest::blocking::get(format!("http://{}{PATH}", server.address)).unwrap();
    assert_eq!(page.status().as_u16(), 404);
}
