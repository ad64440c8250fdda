//! The audit events of passkeys.

use actix_web::http::Method;
use rstest::rstest;

use super::{code_of, setup_on};
use crate::support::Engine;
use crate::support::authenticator::Authenticator;

#[rstest]
#[actix_web::test]
async fn each_event_of_a_passkey_has_its_row(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(setup) = setup_on(engine) else {
        return;
    };
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let mut key = Authenticator::security_key();
    let options = app.passkey_options(&session_id).await;
    key.rp_id = "x.localhost".to_owned();
    let wrong = key.register(&options);
    app.send_passkey(&session_id, &wrong, "key").await;
    key.rp_id = "localhost".to_owned();
    app.add_passkey(&session_id, &mut key).await;
    let id = app
        .place
        .texts("SELECT CAST(id AS TEXT) AS value FROM passkeys");
    let path = format!("/account/passkeys/{}", id[0]);
    app.as_user(&session_id, Method::PUT, &path, "name=old")
        .await;
    assert_eq!(
        app.latest_events(3),
        [
            "authn_second_factor_fail wrong_rp_id",
            "authn_second_factor_added",
            "authn_passkey_renamed",
        ]
    );
    let login = app.password_step().await;
    key.counter = Some(9.into());
    app.passkey_step(&login, &key).await;
    key.counter = Some(3.into());
    let login = app.password_step().await;
    let copied = app.passkey_step(&login, &key).await;
    assert_eq!(code_of(&copied), "invalid_second_factor");
    let events = app.latest_events(2);
    assert_eq!(
        events,
        ["authn_passkey_counter", "authn_login_fail wrong_code"]
    );
    key.counter = Some(20.into());
    let login = app.password_step().await;
    let session_id = app.passkey_step(&login, &key).await.session_id();
    let proof = app.proof(&session_id, &key).await;
    app.as_user(&session_id, Method::DELETE, &path, proof).await;
    assert_eq!(app.latest_events(1), ["authn_second_factor_removed"]);
}
