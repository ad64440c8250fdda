//! Passkeys as second factor, after the right password.

use actix_web::http::Method;
use rstest::rstest;

use super::{BOB, PASSWORD, code_of, encoded, setup, setup_on};
use crate::support::Engine;
use crate::support::authenticator::Authenticator;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn passkey_is_a_second_factor(#[case] engine: Engine) {
    let Some(setup) = setup_on(engine) else {
        return;
    };
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let mut key = Authenticator::security_key();
    app.add_passkey(&session_id, &mut key).await;
    let login = app.password_step().await;
    let logged_in = app.passkey_step(&login, &key).await;
    assert_eq!(logged_in.status.as_u16(), 200, "{}", logged_in.body);
    let session_id = logged_in.session_id();
    assert_eq!(app.profile(&session_id).await.status.as_u16(), 200);
    let path = "/sessions/second_factor/options";
    let ended = app.pending(&login, path, String::new()).await;
    assert_eq!(code_of(&ended), "login_expired");
    // Alone it does not log in: it has not verified its user.
    assert_eq!(code_of(&app.log_in_by(&key).await), "invalid_passkey");
}

#[actix_web::test]
async fn options_name_the_passkeys_of_the_user() {
    let app = setup().start().await;
    let session_id = app.new_bob().await;
    let mut key = Authenticator::security_key();
    app.add_passkey(&session_id, &mut key).await;
    let login = app.password_step().await;
    let path = "/sessions/second_factor/options";
    let options = app.pending(&login, path, String::new()).await.json();
    let id = data_encoding::BASE64URL_NOPAD.encode(&key.id);
    assert_eq!(options["allowCredentials"][0]["id"], id);
    assert_eq!(
        options["allowCredentials"][0]["transports"],
        serde_json::json!(["internal", "hybrid"])
    );
    assert_eq!(options["userVerification"], "preferred");
    let without = app.pending("", path, String::new()).await;
    assert_eq!(code_of(&without), "login_expired");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn cloned_counter_is_refused(#[case] engine: Engine) {
    let Some(setup) = setup_on(engine) else {
        return;
    };
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let mut key = Authenticator::security_key();
    app.add_passkey(&session_id, &mut key).await;
    let login = app.password_step().await;
    assert_eq!(app.passkey_step(&login, &key).await.status.as_u16(), 200);
    // The copy has made fewer signatures than the original.
    for count in [0, 1] {
        key.counter = Some(count.into());
        let login = app.password_step().await;
        let refused = app.passkey_step(&login, &key).await;
        assert_eq!(code_of(&refused), "invalid_second_factor", "{count}");
    }
    key.counter = None;
    let login = app.password_step().await;
    let refused = app.passkey_step(&login, &key).await;
    assert_eq!(code_of(&refused), "invalid_second_factor", "no counter");
    key.counter = Some(9.into());
    let login = app.password_step().await;
    assert_eq!(app.passkey_step(&login, &key).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn passkey_of_another_user_is_no_second_factor() {
    let app = setup().start().await;
    let bob = app.new_bob().await;
    let mut bobs = Authenticator::phone();
    app.add_passkey(&bob, &mut bobs).await;
    app.register("ann@x.fr", PASSWORD).await;
    let ann = app.log_in("ann@x.fr", PASSWORD).await.session_id();
    let mut anns = Authenticator::phone();
    app.add_passkey(&ann, &mut anns).await;
    let login = app.password_step().await;
    let path = "/sessions/second_factor/options";
    let options = app.pending(&login, path, String::new()).await.json();
    let body = format!("credential={}", encoded(&anns.sign(&options)));
    let refused = app.pending(&login, "/sessions/second_factor", body).await;
    assert_eq!(code_of(&refused), "invalid_second_factor");
    // Nor does the other user's name on it help.
    anns.user_handle.clone_from(&bobs.user_handle);
    assert_eq!(code_of(&app.log_in_by(&anns).await), "invalid_passkey");
}

#[actix_web::test]
async fn recovery_code_replaces_a_lost_passkey() {
    let app = setup().start().await;
    let session_id = app.new_bob().await;
    let added = app
        .add_passkey(&session_id, &mut Authenticator::phone())
        .await;
    let code = added.json()["recovery_codes"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let login = app.password_step().await;
    let body = format!("recovery_code={code}");
    let logged_in = app.pending(&login, "/sessions/second_factor", body).await;
    assert_eq!(logged_in.status.as_u16(), 200, "{}", logged_in.body);
}

#[actix_web::test]
async fn required_factor_may_be_a_passkey() {
    let mut setup = setup();
    setup.auth.second_factor = bienvenue::auth::SecondFactorPolicy::Required;
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let refused = app.profile(&session_id).await;
    assert_eq!(code_of(&refused), "second_factor_enrolment_required");
    app.add_passkey(&session_id, &mut Authenticator::phone())
        .await;
    assert_eq!(app.profile(&session_id).await.status.as_u16(), 200);
    let cookie = format!("session_id={session_id}");
    let account = app.with_cookie(Method::GET, "/account", &cookie);
    let account = account.await.json();
    assert_eq!(account["second_factors"], serde_json::json!(["passkey"]));
    assert_eq!(account["email"], BOB);
}
