//! Acts of administrators who show a passkey instead of the password.

use actix_web::http::Method;
use bienvenue::auth::{RelyingParty, ThrottleSettings};
use bienvenue::db::{DbError, PasskeyActOutcome, PasskeyOfAdministrator, PasskeyUse};
use bienvenue::domain::{
    Client, GroupName, PasskeyChallenge, PasskeyId, SessionDigest, SessionId, UserId,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rstest::rstest;

use super::{ANN, BOB, PASSWORD, Stand};
use crate::http::pages::visitor::Visitor;
use crate::http::pages::{assert_leads, assert_page};
use crate::support::app::{Answer, Setup};
use crate::support::authenticator::{Authenticator, USER_VERIFIED};
use crate::support::{Engine, Place};

const OPTIONS: &str = "/admin/passkey/options";

/// A service at `http://localhost`, whose administrator Ann has added a passkey.
async fn stand(engine: Engine, throttle: &ThrottleSettings) -> Option<(Stand, Authenticator)> {
    let mut setup = Setup::at(Place::on(engine)?);
    setup.auth.relying_party = RelyingParty::new("http://localhost", "localhost");
    setup.auth.throttle = *throttle;
    setup.db.sessions.sessions_per_user = 5.into();
    let stand = Stand::start(setup).await;
    let phone = stand.add_passkey(&stand.ann, PASSWORD).await;
    Some((stand, phone))
}

impl Stand {
    /// Adds a passkey to the account of a visitor.
    async fn add_passkey(&self, of: &Visitor, password: &str) -> Authenticator {
        let session = of.cookie("session_id").unwrap();
        let add = async |path: &str, body: String| {
            self.app.as_user(&session, Method::POST, path, body).await
        };
        let mut phone = Authenticator::phone();
        let body = format!("current_password={password}");
        let options = add("/account/passkeys/options", body).await;
        let credential = encoded(&phone.register(&options.json()));
        let body = format!("credential={credential}&name=phone");
        let added = add("/account/passkeys", body).await;
        assert_eq!(added.status.as_u16(), 201, "{}", added.body);
        phone
    }

    /// The answer of an authenticator for an act of a visitor.
    async fn credential(&self, of: &Visitor, authenticator: &Authenticator) -> String {
        let options = of.post(&self.app, OPTIONS, &[]).await;
        assert_eq!(options.status.as_u16(), 200, "{}", options.body);
        authenticator.sign(&options.json())
    }

    /// Ann disables Bob with the answer of an authenticator.
    async fn disable(&self, credential: &str) -> Answer {
        let path = format!("/admin/users/{}/disable", self.id(BOB));
        let form = [("current_password", ""), ("credential", credential)];
        self.ann.post(&self.app, &path, &form).await
    }

    async fn is_refused(&self, credential: &str) {
        let page = self.disable(credential).await;
        assert_page(&page, 403);
        let code = page.header("bienvenue-error");
        assert_eq!(code, Some("reauthentication_required"));
        let text = "This passkey was not accepted.";
        assert!(page.body.contains(text), "{}", page.body);
        let bob = self.db.account_dates(self.id(BOB)).unwrap();
        assert_eq!(bob.disabled_at, None);
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A further browser of Ann, logged in by passkey.
async fn second_browser(stand: &Stand, phone: &Authenticator) -> Visitor {
    let visitor = Visitor::default();
    let path = "/sessions/passkey/options";
    let options = visitor.post(&stand.app, path, &[]).await.json();
    let form = [("credential", phone.sign(&options))];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    visitor.post(&stand.app, "/login/passkey", &form).await;
    assert!(visitor.cookie("session_id").is_some());
    visitor
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r104_administrator_acts_with_a_passkey_once(#[case] engine: Engine) {
    let Some((stand, phone)) = stand(engine, &ThrottleSettings::off()).await else {
        return;
    };
    let bob = stand.id(BOB);
    let path = format!("/admin/users/{bob}/disable");
    let page = stand.ann.get(&stand.app, &path).await;
    for part in [
        "<div data-get=\"/admin/passkey/options\">",
        "<script src=\"&#x2f;assets",
        "id=\"current_password\"",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let options = stand.ann.post(&stand.app, OPTIONS, &[]).await.json();
    assert_eq!(options["userVerification"], "required");
    assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
    let credential = phone.sign(&options);
    let answer = stand.disable(&credential).await;
    assert_leads(&answer, &format!("/admin/users/{bob}?done=disabled"));
    stand.db.enable_user(bob).unwrap();
    stand.is_refused(&credential).await;

    stand.app.auth.flush();
    let events = stand.app.auth.audit_events_of(bob, None, 1).unwrap();
    assert_eq!(events[0].event, "user_disabled");
    assert_eq!(events[0].actor_id, Some(stand.id(ANN)));
    let events = stand.app.auth.audit_events_of(stand.id(ANN), None, 1);
    let refused = events.unwrap().remove(0);
    assert_eq!(refused.event, "authn_reauth_fail");
    let reason = refused.details.unwrap().reason;
    assert_eq!(reason.as_deref(), Some("no_challenge"));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn passkey_of_an_act_is_of_its_session_and_purpose(#[case] engine: Engine) {
    let Some((stand, mut phone)) = stand(engine, &ThrottleSettings::off()).await else {
        return;
    };
    // Of another session of hers, whose browser has the same device cookie.
    let other = second_browser(&stand, &phone).await;
    let device = |of: &Visitor| of.cookie("device");
    assert_eq!(device(&other), device(&stand.ann), "no cookies of devices");
    let credential = stand.credential(&other, &phone).await;
    stand.is_refused(&credential).await;
    // For a login, and beside the password.
    for path in [
        "/sessions/passkey/options",
        "/account/second_factor/options",
    ] {
        let options = stand.ann.post(&stand.app, path, &[]).await.json();
        stand.is_refused(&phone.sign(&options)).await;
    }
    // One for an act is of no use for a login.
    let credential = stand.credential(&stand.ann, &phone).await;
    let form = [("credential", credential.as_str())];
    let answer = stand.ann.post(&stand.app, "/sessions/passkey", &form).await;
    assert_eq!(answer.header("bienvenue-error"), Some("invalid_passkey"));
    // Too late.
    let credential = stand.credential(&stand.ann, &phone).await;
    stand.app.advance(600);
    stand.is_refused(&credential).await;
    // Without the user's verification, and nonsense.
    phone.flags &= !USER_VERIFIED;
    let credential = stand.credential(&stand.ann, &phone).await;
    stand.is_refused(&credential).await;
    stand.is_refused("{}").await;
    // Of another administrator, for the challenge of Ann.
    let bob = super::visitor(&stand.app, BOB, "bob_pwd").await;
    stand.make_admin(BOB);
    let theirs = stand.add_passkey(&bob, "bob_pwd").await;
    let credential = stand.credential(&stand.ann, &theirs).await;
    stand.is_refused(&credential).await;
    phone.flags |= USER_VERIFIED;
    let credential = stand.credential(&stand.ann, &phone).await;
    assert_eq!(stand.disable(&credential).await.status, 303);
}

#[actix_web::test]
async fn administrator_without_a_passkey_is_not_offered_one() {
    let (stand, _) = stand(Engine::Sqlite, &ThrottleSettings::off())
        .await
        .unwrap();
    stand.make_admin(BOB);
    let bob = super::visitor(&stand.app, BOB, "bob_pwd").await;
    let page = bob.get(&stand.app, "/admin/new-group").await;
    assert_page(&page, 200);
    assert!(!page.body.contains("passkey"), "{}", page.body);
    let options = bob.post(&stand.app, OPTIONS, &[]).await;
    assert_eq!(options.header("bienvenue-error"), Some("no_second_factor"));
}

#[actix_web::test]
async fn fields_stay_when_a_passkey_is_wrong() {
    let (stand, _) = stand(Engine::Sqlite, &ThrottleSettings::off())
        .await
        .unwrap();
    let form = [("group", "staff"), ("credential", "{}")];
    let page = stand.ann.post(&stand.app, "/admin/new-group", &form).await;
    assert_page(&page, 403);
    assert!(page.body.contains("value=\"staff\""), "{}", page.body);
    assert!(!page.body.contains("current_password-wrong"));
    // An empty field of the script does not replace the password.
    let form = [("group", "staff"), ("credential", "")];
    let answer = stand.act("/admin/new-group", &form).await;
    assert_leads(&answer, "/admin/groups/staff?done=created");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn wrong_passkeys_of_acts_are_limited(#[case] engine: Engine) {
    let Some((stand, phone)) = stand(engine, &ThrottleSettings::default()).await else {
        return;
    };
    let session = stand.ann.cookie("session_id").unwrap();
    let post = |path: &str, body: String| {
        let request = actix_web::test::TestRequest::post()
            .uri(path)
            .peer_addr("203.0.113.9:1".parse().unwrap())
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("Cookie", format!("session_id={session}")))
            .set_payload(body);
        stand.app.send(request)
    };
    let path = format!("/admin/users/{}/disable", stand.id(BOB));
    for _ in 0..20 {
        let wrong = post(&path, "credential=x".to_owned()).await;
        assert_eq!(wrong.status.as_u16(), 403, "{}", wrong.body);
    }
    let options = post(OPTIONS, String::new()).await.json();
    let body = format!("credential={}", encoded(&phone.sign(&options)));
    let refused = post(&path, body).await;
    assert_eq!(refused.status.as_u16(), 429, "{}", refused.body);
}

/// The check of the passkey took so long that the administrator was removed meanwhile.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn membership_is_checked_with_the_passkey(#[case] engine: Engine) {
    let Some((stand, _)) = stand(engine, &ThrottleSettings::off()).await else {
        return;
    };
    let (ann, admins) = (stand.id(ANN), GroupName::admins());
    let session = SessionId::parse(&stand.ann.cookie("session_id").unwrap());
    let (session, client) = (session.unwrap().digest(), Client::default());
    let challenge = PasskeyChallenge::from_bytes([7; 32]).digest();
    let used = PasskeyUse {
        id: PasskeyId::new(1),
        sign_count: 0,
        backed_up: false,
    };
    let record = |user_id: UserId, session: &SessionDigest| {
        let shown = PasskeyOfAdministrator {
            user_id,
            session,
            client: &client,
            used: &used,
            challenge: &challenge,
            limit: &[],
        };
        stand.db.record_administrator_by_passkey(&shown, &admins)
    };
    let recorded = record(ann, &session);
    assert!(matches!(recorded, Ok(PasskeyActOutcome::NoChallenge)));
    let ended = SessionId::generate().digest();
    for refused in [record(stand.id(BOB), &session), record(ann, &ended)] {
        assert!(matches!(refused, Err(DbError::NoResultFound)));
    }
    stand.db.remove_member(&admins, ann).unwrap();
    let recorded = record(ann, &session);
    assert!(matches!(recorded, Err(DbError::NoResultFound)));
}
