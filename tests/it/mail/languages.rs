//! The language of mails: that of their owner.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::domain::Language;
use bienvenue::mail::{Mail, MailDraft, MailKind, TemplateSettings, Templates};
use rstest::rstest;

use super::{TOKEN, email, settings};
use crate::support::app::{Setup, fields};
use crate::support::{Engine, Place};

const BOB: &str = "bob@x.fr";

/// Values for each kind of mail, as few as possible and all of them.
const DETAILS: [Option<&str>; 3] = [
    None,
    Some(r#"{"to":"bob@x.fr","at":1800000000,"by_operator":false}"#),
    Some(
        r#"{"to":"bob@x.fr","new":"new@x.fr","at":1800000000,"days":7,"by_operator":true,
        "address":"192.0.2.1","user_agent":"Mozilla/5.0 (X11; Linux) Firefox/140.0"}"#,
    ),
];

/// What a mail says about the account and its owner, in any language.
const FACTS: [&str; 10] = [
    TOKEN,
    "https://",
    "curl -X PUT",
    "bob@x.fr",
    "new@x.fr",
    "login.example.org",
    "2027-01-15T08:00:00Z",
    "192.0.2.1",
    "Firefox",
    "30 minutes",
];

fn in_language(templates: &Templates, kind: &MailKind, language: Language) -> Mail {
    let to = email(BOB);
    let draft = MailDraft {
        kind,
        to: &to,
        account: &to,
        language,
        token: kind.token().map(|_| TOKEN.into()),
        audit_head: None,
    };
    templates.render(&draft).unwrap()
}

#[test]
fn each_mail_has_the_same_facts_in_both_languages() {
    let without_pages = TemplateSettings {
        reset_page: None,
        verify_page: None,
        ..settings()
    };
    for settings in [settings(), without_pages] {
        let templates = Templates::new(settings).unwrap();
        for name in MailKind::NAMES {
            let rows = DETAILS.iter();
            let kinds = rows.filter_map(|details| MailKind::from_row(name, *details).ok());
            let kinds: Vec<MailKind> = kinds.collect();
            assert!(!kinds.is_empty(), "{name}");
            for kind in kinds {
                let [english, french] =
                    Language::ALL.map(|language| in_language(&templates, &kind, language));
                assert_ne!(english.subject, french.subject, "{name}");
                for (one, other) in [(&english.text, &french.text), (&english.html, &french.html)] {
                    assert_ne!(one, other, "{name}");
                    for fact in FACTS {
                        let (one, other) = (one.matches(fact), other.matches(fact));
                        assert_eq!(one.count(), other.count(), "{name}: {fact}");
                    }
                    assert!(
                        !one.contains("\n\n\n") && !other.contains("\n\n\n"),
                        "{other}"
                    );
                }
                assert!(english.html.contains("<html lang=\"en\">"), "{name}");
                assert!(french.html.contains("<html lang=\"fr\">"), "{name}");
                let lines = french.text.lines().chain(english.text.lines());
                for line in lines.filter(|line| line.contains(' ')) {
                    assert!(line.chars().count() <= 76, "{line}");
                }
            }
        }
    }
}

/// The owner's language is that of the last registration or login which named one, so that a
/// mail which a stranger causes is in the owner's language too.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn mail_is_in_the_language_of_its_owner(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let mut setup = Setup::at(place);
    setup.sends_mails = true;
    let app = setup.start().await;
    let post = |path: &'static str, language: Option<&'static str>, body: String| {
        let request = TestRequest::post()
            .uri(path)
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .set_payload(body);
        match language {
            Some(language) => request.insert_header(("Accept-Language", language)),
            None => request,
        }
    };
    let credentials = || fields(BOB, "a horse and 4 staples");
    let registered = app.send(post("/users", Some("fr-CA,fr;q=0.9"), credentials()));
    assert_eq!(registered.await.status, 201);
    let (french, english) = ("Réinitialisez votre mot de passe", "Reset your password");
    for (login, asked, expected) in [
        // The stranger who asks for the mail prefers English.
        (None, Some("en"), french),
        (Some("en"), Some("fr"), english),
        // Programs name no language, or any.
        (Some("fr"), None, french),
        (Some("*"), None, french),
        (Some("de"), None, french),
    ] {
        if login.is_some() {
            let answer = app.send(post("/sessions", login, credentials())).await;
            assert_eq!(answer.status, 200);
        }
        app.advance(3600);
        let answer = app.send(post("/reset_password", asked, format!("email={BOB}")));
        assert_eq!(answer.await.status, 200);
        let mail = app.mails.next_to(BOB);
        assert!(mail.subject.starts_with(expected), "{}", mail.subject);
    }
}

#[actix_web::test]
async fn deletion_is_told_in_the_language_of_its_request() {
    let mut setup = Setup::new();
    setup.sends_mails = true;
    let app = setup.start().await;
    app.register(BOB, "a horse and 4 staples").await;
    let session = app.log_in(BOB, "a horse and 4 staples").await.session_id();
    let request = TestRequest::with_uri("/profile")
        .method(Method::DELETE)
        .insert_header(("Cookie", format!("session_id={session}")))
        .insert_header(("Accept-Language", "fr"))
        .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
        .set_payload("current_password=a+horse+and+4+staples");
    assert_eq!(app.send(request).await.status, 200);
    let mail = app.mails.next_to(BOB);
    assert!(mail.subject.contains("a été supprimé"), "{}", mail.subject);
}
