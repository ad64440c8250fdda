//! The mail about a passkey that was added, with which an owner takes the account back.

use actix_web::http::Method;
use bienvenue::auth::Notification;
use rstest::rstest;

use super::{BOB, PASSWORD, code_of, setup_on};
use crate::support::Engine;
use crate::support::app::App;
use crate::support::authenticator::Authenticator;
use crate::support::mailbox::token_of;

impl App {
    /// Adds a further passkey with the proof of another one.
    async fn add_beside(&self, session_id: &str, known: &Authenticator, new: &mut Authenticator) {
        let proof = self.proof(session_id, known).await;
        let path = "/account/passkeys/options";
        let options = self.as_user(session_id, Method::POST, path, proof).await;
        let credential = new.register(&options.json());
        let added = self.send_passkey(session_id, &credential, "further").await;
        assert_eq!(added.status.as_u16(), 201, "{}", added.body);
    }
}

/// A service that notifies of second factors, with Bob's session, and his passkey of a minute ago.
async fn with_a_passkey(engine: Engine) -> Option<(App, String, Authenticator)> {
    let mut setup = setup_on(engine)?;
    setup.sends_mails = true;
    setup.auth.accounts.notices = vec![Notification::SecondFactor];
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let mut owners = Authenticator::phone();
    app.add_passkey(&session_id, &mut owners).await;
    app.mails.next_to(BOB);
    app.advance(60);
    Some((app, session_id, owners))
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn undo_removes_the_passkeys_added_since(#[case] engine: Engine) {
    let Some((app, session_id, owners)) = with_a_passkey(engine).await else {
        return;
    };
    let (mut first, mut second) = (Authenticator::phone(), Authenticator::phone());
    app.add_beside(&session_id, &owners, &mut first).await;
    let undo = token_of(&app.mails.next_to(BOB));
    app.advance(60);
    app.add_beside(&session_id, &first, &mut second).await;
    app.mails.next_to(BOB);

    let undone = app
        .form(Method::PUT, "/verify_email", format!("token={undo}"))
        .await;
    assert_eq!(undone.status.as_u16(), 200, "{}", undone.body);
    for thiefs in [&first, &second] {
        assert_eq!(code_of(&app.log_in_by(thiefs).await), "invalid_passkey");
    }
    let left = app.place.texts("SELECT name AS value FROM passkeys");
    assert_eq!(left, ["phone"]);
    assert_eq!(app.profile(&session_id).await.status.as_u16(), 403);
    let password = app.log_in(BOB, PASSWORD).await;
    assert_eq!(code_of(&password), "invalid_credentials");
    assert_eq!(app.log_in_by(&owners).await.status.as_u16(), 200);
}

/// Each mail has a link of its own. Since times are in seconds, either takes back both additions.
#[rstest]
#[actix_web::test]
async fn passkeys_of_one_second_have_an_undo_each(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(0, 1)] used: usize,
) {
    let Some((app, session_id, owners)) = with_a_passkey(engine).await else {
        return;
    };
    let mut added = [Authenticator::phone(), Authenticator::phone()];
    for new in &mut added {
        app.add_beside(&session_id, &owners, new).await;
    }
    let tokens = [(); 2].map(|()| token_of(&app.mails.next_to(BOB)));
    let stored = "SELECT digest AS value FROM factor_changes WHERE digest IS NOT NULL";
    // The token of the owner's passkey is the third.
    assert_eq!(app.place.texts(stored).len(), 3);

    let spend = async |token: &str| {
        let body = format!("token={token}");
        let answer = app.form(Method::PUT, "/verify_email", body).await;
        answer.status.as_u16()
    };
    assert_eq!(spend(&tokens[used]).await, 200);
    let left = app.place.texts("SELECT name AS value FROM passkeys");
    assert_eq!(left, ["phone"]);
    for new in &added {
        assert_eq!(code_of(&app.log_in_by(new).await), "invalid_passkey");
    }
    assert_eq!(spend(&tokens[1 - used]).await, 403, "it is revoked");
    assert_eq!(app.log_in_by(&owners).await.status.as_u16(), 200);
}
