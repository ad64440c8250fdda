//! Why a session has ended, on the login page of the browser that still has its cookie.

use actix_web::http::Method;
use bienvenue::db::DB;
use bienvenue::domain::{SessionId, SessionPublicId};
use rstest::rstest;

use super::second_factor::set_up;
use super::visitor::Visitor;
use super::{assert_page, navigation, with_mails};
use crate::support::app::{App, Setup};
use crate::support::mailbox::token_of;
use crate::support::{Engine, Place, email, settings};

const BOB: &str = "bob@x.fr";
const PASSWORD: &str = "bob_pwd";
const DAY: u64 = 24 * 3600;
const GENERIC: [&str; 2] = [
    "Your session has ended: it expired",
    "elle a expiré ou a été fermée",
];

struct Stand {
    app: App,
    db: DB,
}

impl Stand {
    async fn start(engine: Engine, per_user: u32) -> Option<Self> {
        let mut setup = Setup {
            place: Place::on(engine)?.into(),
            ..with_mails()
        };
        setup.db.sessions.sessions_per_user = per_user.into();
        let clock = setup.clock.clone();
        let app = setup.start().await;
        let db = app.place.open(settings(&clock));
        app.register(BOB, PASSWORD).await;
        Some(Self { app, db })
    }

    async fn session(&self) -> String {
        self.app.log_in(BOB, PASSWORD).await.session_id()
    }

    /// What the login page says to a browser with a cookie, in English and in French.
    async fn told(&self, path: &str, session: &str) -> [String; 2] {
        let told = async |language: &str| {
            let request = navigation(Method::GET, path)
                .insert_header(("Accept-Language", language))
                .insert_header(("Cookie", format!("session_id={session}")));
            let page = self.app.send(request).await;
            assert_page(&page, 200);
            let note = page.body.split_once("role=\"status\"><p>");
            let note = note.map_or("", |(_, rest)| rest.split_once("</p>").unwrap().0);
            note.to_owned()
        };
        [told("en").await, told("fr").await]
    }

    /// Expects that the browser with the session's cookie, and no other, learns the reason.
    async fn expect(&self, session: &str, reasons: [&str; 2]) {
        let ended = "/login?reason=session_ended&next=%2Faccount";
        assert_eq!(self.app.profile(session).await.line(), "403 ");
        for path in ["/login", "/login?next=%2Faccount", ended] {
            let told = self.told(path, session).await;
            for (text, reason) in told.iter().zip(reasons) {
                assert!(text.contains(reason), "{path}: {text}");
            }
        }
        let other = SessionId::generate().expose();
        let told = self.told(ended, &other).await;
        for (text, reason) in told.iter().zip(GENERIC) {
            assert!(text.contains(reason), "{text}");
        }
        assert_eq!(self.told("/login", &other).await, ["", ""]);
    }

    async fn change(&self, session: &str, method: Method, path: &str, body: &str) {
        let answer = self.app.as_user(session, method, path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }

    /// The email of the account is changed with a session. Returns the token that undoes it.
    async fn move_to(&self, session: &str, new: &str) -> String {
        let body = format!("email={new}&current_password={PASSWORD}");
        self.change(session, Method::PUT, "/profile/email", &body)
            .await;
        let token = token_of(&self.app.mails.next_to(new));
        let body = format!("token={token}");
        self.change(session, Method::PUT, "/verify_email", &body)
            .await;
        token_of(&self.app.mails.next_to(BOB))
    }
}

const IDLE: [&str; 2] = ["you did not use it", "faute d’utilisation"];
const EXPIRED: [&str; 2] = ["its longest duration", "sa durée maximale"];

#[rstest]
#[actix_web::test]
async fn idle_and_expired_sessions_are_told_apart(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values((2, IDLE), (7, EXPIRED))] (days, reasons): (u64, [&str; 2]),
) {
    let Some(stand) = Stand::start(engine, 0).await else {
        return;
    };
    let session = stand.session().await;
    stand.app.advance(days * DAY);
    stand.expect(&session, reasons).await;
    // The same after cleanup, for a week.
    stand.db.remove_expired_sessions(10).unwrap();
    stand.expect(&session, reasons).await;
    stand.app.advance(7 * DAY - 1);
    assert_eq!(stand.db.remove_old_session_ends(10).unwrap(), 0);
    stand.expect(&session, reasons).await;
    stand.app.advance(1);
    assert_eq!(stand.db.remove_old_session_ends(10).unwrap(), 1);
    assert_eq!(stand.told("/login", &session).await, ["", ""]);
}

#[rstest]
#[actix_web::test]
async fn newer_login_is_the_reason(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some(stand) = Stand::start(engine, 1).await else {
        return;
    };
    let (first, second) = (stand.session().await, stand.session().await);
    let reasons = [
        "because you logged in on another device",
        "vous vous êtes connecté sur un autre",
    ];
    stand.expect(&first, reasons).await;
    assert_eq!(stand.app.profile(&second).await.status, 200);
    // A bounded number of them is kept.
    for _ in 0..130 {
        stand.app.advance(1);
        stand.session().await;
    }
    let kept = stand.app.place;
    let kept = kept.texts("SELECT reason AS value FROM ended_sessions");
    assert!((100..=102).contains(&kept.len()), "{}", kept.len());
}

/// A user who logs in and out again and again does not fill the table.
#[rstest]
#[actix_web::test]
async fn bounded_number_of_logouts_is_kept(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(stand) = Stand::start(engine, 0).await else {
        return;
    };
    for _ in 0..110 {
        let session = stand.session().await;
        stand.app.advance(1);
        stand.app.log_out(&session).await;
    }
    let kept = stand.app.place;
    let kept = kept.texts("SELECT reason AS value FROM ended_sessions");
    assert!((100..=101).contains(&kept.len()), "{}", kept.len());
}

#[rstest]
#[actix_web::test]
async fn logout_with_another_session_is_the_reason(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(stand) = Stand::start(engine, 0).await else {
        return;
    };
    let reasons = ["from another device", "depuis un autre appareil"];
    for scope in ["others", "all"] {
        let (ended, by) = (stand.session().await, stand.session().await);
        let path = format!("/sessions?scope={scope}");
        stand.change(&by, Method::DELETE, &path, "").await;
        stand.expect(&ended, reasons).await;
    }
    let (ended, by) = (stand.session().await, stand.session().await);
    let cookie = format!("session_id={by}");
    let listed = stand.app.with_cookie(Method::GET, "/sessions", &cookie);
    let listed = listed.await.json();
    let listed = listed.as_array().unwrap();
    let other = listed.iter().find(|session| session["current"] == false);
    let name = other.unwrap()["id"].as_str().unwrap();
    assert!(name.parse::<SessionPublicId>().is_ok());
    let path = format!("/sessions/{name}");
    stand.change(&by, Method::DELETE, &path, "").await;
    stand.expect(&ended, reasons).await;
    // The own logout, in a browser that keeps the cookie all the same.
    stand.app.log_out(&by).await;
    stand
        .expect(&by, ["You are logged out.", "Déconnexion"])
        .await;
}

#[rstest]
#[actix_web::test]
async fn changed_password_is_the_reason(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(stand) = Stand::start(engine, 0).await else {
        return;
    };
    let reasons = [
        "password of your account was changed",
        "le mot de passe de votre compte",
    ];
    let (ended, by) = (stand.session().await, stand.session().await);
    let body = format!("current_password={PASSWORD}&new_password={PASSWORD}");
    stand
        .change(&by, Method::PUT, "/profile/password", &body)
        .await;
    stand.expect(&ended, reasons).await;
    let ended = stand.session().await;
    let body = format!("email={BOB}");
    stand.app.form(Method::POST, "/reset_password", body).await;
    let mail = std::iter::repeat_with(|| stand.app.mails.next_to(BOB));
    let mail = mail.into_iter().find(|mail| mail.text.contains("token: "));
    let token = token_of(&mail.unwrap());
    let body = format!("email={BOB}&reset_token={token}&new_password=another_pwd");
    let reset = stand.app.form(Method::PUT, "/reset_password", body).await;
    assert_eq!(reset.status, 200);
    stand.expect(&ended, reasons).await;
}

#[rstest]
#[actix_web::test]
async fn changed_and_restored_address_are_the_reason(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(stand) = Stand::start(engine, 0).await else {
        return;
    };
    let (ended, by) = (stand.session().await, stand.session().await);
    let undo = stand.move_to(&by, "robert@x.fr").await;
    let reasons = [
        "email address of your account was changed",
        "l’adresse e\u{2011}mail de votre",
    ];
    stand.expect(&ended, reasons).await;
    let body = format!("token={undo}");
    let undone = stand.app.form(Method::PUT, "/verify_email", body).await;
    assert_eq!(undone.status, 200);
    let reasons = [
        "was undone from an earlier email",
        "a été annulée depuis une ancienne",
    ];
    stand.expect(&by, reasons).await;
}

#[rstest]
#[actix_web::test]
async fn changed_second_factor_is_the_reason(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(stand) = Stand::start(engine, 0).await else {
        return;
    };
    let ended = stand.session().await;
    let bob = Visitor::default();
    let form = [("email", BOB), ("password", PASSWORD)];
    bob.post(&stand.app, "/login", &form).await;
    set_up(&stand.app, &bob, "").await;
    let reasons = [
        "the second factors of your account",
        "les seconds facteurs de votre",
    ];
    stand.expect(&ended, reasons).await;
    let user = stand.db.find_user_by(&email(BOB)).unwrap();
    stand.app.auth.reset_second_factors(Some(&user)).unwrap();
    stand
        .expect(&bob.cookie("session_id").unwrap(), reasons)
        .await;
}

#[rstest]
#[actix_web::test]
async fn what_an_administrator_did_is_the_reason(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(stand) = Stand::start(engine, 0).await else {
        return;
    };
    let user = stand.db.find_user_by(&email(BOB)).unwrap().id;
    for whose in [Some(user), None] {
        let session = stand.session().await;
        match whose {
            Some(user) => stand.db.end_sessions_of_user(user).unwrap(),
            None => stand.db.end_all_sessions().unwrap(),
        };
        let reasons = [
            "logged out by an administrator",
            "déconnecté par un administrateur",
        ];
        stand.expect(&session, reasons).await;
    }
    let session = stand.session().await;
    stand.db.disable_user(user).unwrap();
    let reasons = [
        "an administrator disabled your account",
        "un administrateur a désactivé",
    ];
    stand.expect(&session, reasons).await;
}
