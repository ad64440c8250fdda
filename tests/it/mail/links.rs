//! Links of mails: machines follow them before people do, and that changes nothing.

use std::collections::BTreeSet;
use std::fs;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::domain::{Language, ResetToken};
use bienvenue::mail::{Mail, MailDraft, MailKind, Mailer, Memory, TemplateSettings, Templates};
use rstest::rstest;

use crate::support::app::{App, Setup};
use crate::support::{Engine, Place, START, email, eventually, password};

const ORIGIN: &str = "http://login.example.org";
const BOB: &str = "bob@dylan.com";

/// Templates whose links lead to pages of the service itself.
fn templates(reset_page: Option<&str>, verify_page: Option<&str>) -> Templates {
    let page = |path: Option<&str>| path.map(|path| format!("{ORIGIN}{path}").parse().unwrap());
    Templates::new(TemplateSettings {
        folder: None,
        reset_page: page(reset_page),
        verify_page: page(verify_page),
        undo_page: page(verify_page),
        service: "login.example.org".to_owned(),
        service_url: ORIGIN.to_owned(),
    })
    .unwrap()
}

/// A mail of each kind.
fn mails() -> Vec<MailKind> {
    let (to, new) = (email(BOB), email("bob@example.org"));
    vec![
        MailKind::PasswordReset,
        MailKind::PasswordChanged,
        MailKind::VerifyEmail,
        MailKind::ConfirmEmail { to: to.clone() },
        MailKind::EmailChanged {
            to: to.clone(),
            new: new.clone(),
        },
        MailKind::NewDevice {
            address: None,
            user_agent: None,
            at: START,
        },
        MailKind::AccountDeleted {
            to: to.clone(),
            new: None,
            language: None,
        },
        MailKind::EmailTakenBack {
            to: to.clone(),
            new,
        },
        MailKind::AlreadyRegistered,
        MailKind::Invitation { days: 7 },
        MailKind::SecondFactorAdded {
            to: to.clone(),
            is_passkey: false,
        },
        MailKind::SecondFactorRemoved {
            to: to.clone(),
            by_operator: false,
            is_passkey: false,
        },
        MailKind::RecoveryCodesReplaced { to },
        MailKind::SecondFactorLocked,
        MailKind::RecoveryCodeUsed,
        MailKind::Test,
    ]
}

#[test]
fn tests_cover_every_mail_kind() {
    let names: Vec<&str> = mails().iter().map(MailKind::name).collect();
    assert_eq!(names, MailKind::NAMES);
}

#[test]
fn each_mail_kind_has_exactly_two_templates() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/mail/templates");
    let files = fs::read_dir(folder).unwrap();
    let files: BTreeSet<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let names = MailKind::NAMES.iter().chain(&["audit_head"]);
    let expected = names.flat_map(|name| [format!("{name}.html"), format!("{name}.txt")]);
    assert_eq!(files, expected.collect());
}

/// The text that a browser shows for HTML.
fn unescaped(html: &str) -> String {
    [
        ("&#x2f;", "/"),
        ("&#x27;", "'"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(html.to_owned(), |text, (entity, c)| text.replace(entity, c))
}

/// All that begins like a link in the parts of a mail.
fn links(mail: &Mail) -> BTreeSet<String> {
    [mail.text.clone(), unescaped(&mail.html)]
        .iter()
        .flat_map(|part| part.split([' ', '\n', '"', '\'', '<', '>']))
        .filter(|word| word.starts_with("http://") || word.starts_with("https://"))
        .map(str::to_owned)
        .collect()
}

/// Follows the links of mails as scanners and previews do, twice each, and compares the
/// database before and after. Tells how many links have a token.
async fn follow(app: &App, mails: &[Mail]) -> usize {
    app.auth.flush();
    let before = app.place.dump();
    let mut with_token = 0;
    for mail in mails {
        for link in links(mail) {
            let target = link.strip_prefix(ORIGIN).expect("a link of the settings");
            // The part after the # reaches no server, except from a program that does not
            // know its meaning.
            let (page, fragment) = target.split_once('#').unwrap_or((target, ""));
            with_token += usize::from(!fragment.is_empty());
            for path in [page, &target.replace('#', "?"), &target.replace('#', "%23")] {
                for method in [Method::GET, Method::HEAD, Method::GET, Method::HEAD] {
                    let request = TestRequest::with_uri(&format!("{ORIGIN}{path}")).method(method);
                    let answer = app.send(request).await;
                    assert!(!answer.status.is_server_error(), "{link}: {answer:?}");
                }
            }
        }
    }
    app.auth.flush();
    let after = app.place.dump();
    assert_eq!(before, after);
    with_token
}

/// A service with bob, logged in, and with tokens of each kind; its mails are kept.
async fn with_bob(engine: Engine, templates: Templates) -> Option<(App, Memory)> {
    let memory = Memory::default();
    let mut setup = Setup::at(Place::on(engine)?);
    setup.mails = Some((Mailer::Memory(memory.clone()), templates));
    let app = setup.start().await;
    app.register(BOB, "bob_pwd").await;
    app.log_in(BOB, "bob_pwd").await;
    Some((app, memory))
}

const PAGES: [(Option<&str>, Option<&str>); 4] = [
    (Some("/reset?lang=en"), Some("/verify")),
    (Some("/reset_password"), Some("/verify_email")),
    (Some("/"), Some("/")),
    (None, None),
];

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn following_sent_links_twice_changes_nothing(#[case] engine: Engine) {
    for (reset_page, verify_page) in PAGES {
        let templates = templates(reset_page, verify_page);
        let Some((app, memory)) = with_bob(engine, templates).await else {
            return;
        };
        let sent = |count| {
            eventually("mails", || memory.sent().len() == count);
            let waiting = "SELECT letter AS value FROM outbox";
            eventually("an empty outbox", || app.place.texts(waiting).is_empty());
            memory.sent()
        };
        let body = "email=bob%40dylan.com";
        app.form(Method::POST, "/reset_password", body).await;
        let mails = sent(1);
        let links = follow(&app, &mails).await;
        assert_eq!(links, usize::from(reset_page.is_some()));

        let token = mails[0].text.split("token: ").nth(1).unwrap();
        let token = ResetToken::parse(token.split_whitespace().next().unwrap()).unwrap();
        let auth = app.auth.clone().into_inner();
        let changed = std::thread::spawn(move || {
            auth.update_password(&token, &password("a new one")).is_ok()
        });
        assert!(changed.join().unwrap(), "the token is good afterwards");
        follow(&app, &sent(2)).await;
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn following_links_of_every_mail_kind_changes_nothing(#[case] engine: Engine) {
    for (reset_page, verify_page) in PAGES {
        let templates_of_service = templates(reset_page, verify_page);
        let Some((app, _)) = with_bob(engine, templates_of_service).await else {
            return;
        };
        let token = app.auth.get_reset_password_token(&email(BOB)).unwrap();
        app.place.sql(
            "INSERT INTO email_tokens SELECT 'a digest', id, 'verify', NULL, 0, 9000000000 FROM users",
        );
        let templates = templates(reset_page, verify_page);
        let to = email(BOB);
        let render = |kind: &MailKind| {
            let token = kind.token().map(|_| token.expose().into());
            let (to, account) = (&to, &to);
            templates.render(&MailDraft {
                kind,
                to,
                account,
                language: Language::English,
                token,
                audit_head: None,
            })
        };
        let kinds = mails();
        let mails: Vec<Mail> = kinds.iter().map(|kind| render(kind).unwrap()).collect();
        let with_token = follow(&app, &mails).await;
        let pages = [reset_page.is_some(), verify_page.is_some()];
        let expected = usize::from(pages[0]) + 6 * usize::from(pages[1]);
        assert_eq!(with_token, expected, "{reset_page:?} {verify_page:?}");
    }
}
