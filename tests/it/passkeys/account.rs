//! The passkeys of an account: adding, naming, listing, exporting and removing them.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::domain::NormalizedEmail;
use rstest::rstest;

use super::{BOB, PASSWORD, code_of, encoded, setup, setup_on};
use crate::http::pages::navigation;
use crate::support::Engine;
use crate::support::app::{Answer, App};
use crate::support::authenticator::Authenticator;

impl App {
    async fn passkeys(&self, session_id: &str) -> Vec<serde_json::Value> {
        let cookie = format!("session_id={session_id}");
        let listed = self.with_cookie(Method::GET, "/account/passkeys", &cookie);
        listed.await.json().as_array().unwrap().clone()
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn passkeys_are_added_named_and_removed(#[case] engine: Engine) {
    let Some(mut setup) = setup_on(engine) else {
        return;
    };
    setup.db.sessions.sessions_per_user = 9.into();
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let other = app.log_in(BOB, PASSWORD).await.session_id();
    let mut phone = Authenticator::phone();
    app.add_passkey(&session_id, &mut phone).await;
    assert_eq!(app.profile(&other).await.status.as_u16(), 403, "others end");

    // A further one needs a factor beside the password.
    let body = format!("current_password={PASSWORD}");
    let path = "/account/passkeys/options";
    let bare = app
        .as_user(&session_id, Method::POST, path, body.clone())
        .await;
    assert_eq!(code_of(&bare), "second_factor_missing");
    let proof = app.proof(&session_id, &phone).await;
    let options = app.as_user(&session_id, Method::POST, path, proof).await;
    assert_eq!(options.status.as_u16(), 200, "{}", options.body);
    let excluded = &options.json()["excludeCredentials"];
    assert_eq!(excluded.as_array().unwrap().len(), 1);
    let mut key = Authenticator::security_key();
    let credential = key.register(&options.json());
    let added = app.send_passkey(&session_id, &credential, "a%20key").await;
    assert_eq!(added.line(), "201 {}", "no new recovery codes");
    assert_eq!(key.user_handle, phone.user_handle);

    let listed = app.passkeys(&session_id).await;
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (
            &listed[1]["name"],
            &listed[1]["backed_up"],
            &listed[1]["rp_id"]
        ),
        (&"a key".into(), &false.into(), &"localhost".into())
    );
    assert!(listed[0]["last_used_at"].is_string(), "{listed:?}");
    assert!(listed[1]["last_used_at"].is_null());
    let id = &listed[0]["id"];
    let one = format!("/account/passkeys/{id}");
    let renamed = app
        .as_user(&session_id, Method::PUT, &one, "name=old phone")
        .await;
    assert_eq!(renamed.line(), "200 {}");
    assert_eq!(app.passkeys(&session_id).await[0]["name"], "old phone");
    let long = format!("name={}", "x".repeat(65));
    let refused = app.as_user(&session_id, Method::PUT, &one, long).await;
    assert_eq!(code_of(&refused), "invalid_passkey_name");

    let refused = app.as_user(&session_id, Method::DELETE, &one, body).await;
    assert_eq!(code_of(&refused), "second_factor_missing");
    let proof = app.proof(&session_id, &key).await;
    let removed = app.as_user(&session_id, Method::DELETE, &one, proof).await;
    assert_eq!(removed.line(), "200 {}");
    assert_eq!(code_of(&app.log_in_by(&phone).await), "invalid_passkey");
    let last = app.passkeys(&session_id).await[0]["id"].clone();
    let proof = app.proof(&session_id, &key).await;
    let path = format!("/account/passkeys/{last}");
    let removed = app.as_user(&session_id, Method::DELETE, &path, proof).await;
    assert_eq!(removed.line(), "200 {}");
    // Nothing is left: neither recovery codes, nor a second step.
    let cookie = format!("session_id={session_id}");
    let account = app.with_cookie(Method::GET, "/account", &cookie);
    assert_eq!(account.await.json()["recovery_codes_left"], 0);
    assert_eq!(app.log_in(BOB, PASSWORD).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn account_has_at_most_twenty_passkeys() {
    let app = setup().start().await;
    let session_id = app.new_bob().await;
    let mut phone = Authenticator::phone();
    app.add_passkey(&session_id, &mut phone).await;
    let path = "/account/passkeys/options";
    for number in 2..=20 {
        let proof = app.proof(&session_id, &phone).await;
        let options = app.as_user(&session_id, Method::POST, path, proof).await;
        let credential = Authenticator::security_key().register(&options.json());
        let name = "x".repeat(64);
        let added = app.send_passkey(&session_id, &credential, &name).await;
        assert_eq!(added.status.as_u16(), 201, "{number}: {}", added.body);
    }
    // Their pages list each of them once.
    let mut next = "/account/passkeys".to_owned();
    let mut listed = 0;
    loop {
        let page = navigation(Method::GET, &next);
        let page = page.insert_header(("Cookie", format!("session_id={session_id}")));
        let page = app.send(page).await;
        listed += page.body.matches("/account/passkeys/name?id=").count();
        let Some((_, after)) = page.body.split_once("/account/passkeys?after=") else {
            break;
        };
        let after = after.split('"').next().unwrap();
        next = format!("/account/passkeys?after={after}");
    }
    assert_eq!(listed, 20);
    let proof = app.proof(&session_id, &phone).await;
    let refused = app.as_user(&session_id, Method::POST, path, proof).await;
    assert_eq!(code_of(&refused), "passkey_exists");
}

#[actix_web::test]
async fn unknown_passkey_is_neither_named_nor_removed() {
    let app = setup().start().await;
    let session_id = app.new_bob().await;
    let path = "/account/second_factor/options";
    let none = app.as_user(&session_id, Method::POST, path, "").await;
    assert_eq!(code_of(&none), "no_second_factor");
    let browser = TestRequest::get().uri("/account/passkeys");
    let browser = browser.insert_header(("Accept", "text/html"));
    assert_eq!(app.send(browser).await.status.as_u16(), 303);
    let mut phone = Authenticator::phone();
    app.add_passkey(&session_id, &mut phone).await;
    for (method, body) in [
        (Method::PUT, "name=x".to_owned()),
        (Method::DELETE, app.proof(&session_id, &phone).await),
    ] {
        let path = "/account/passkeys/99";
        let unknown = app.as_user(&session_id, method, path, body).await;
        assert_eq!(code_of(&unknown), "passkey_not_found");
    }
}

impl App {
    /// The password and a passkey, as a form has them.
    pub(super) async fn proof(&self, session_id: &str, authenticator: &Authenticator) -> String {
        let path = "/account/second_factor/options";
        let options = self.as_user(session_id, Method::POST, path, "").await;
        assert_eq!(options.status.as_u16(), 200, "{}", options.body);
        let credential = encoded(&authenticator.sign(&options.json()));
        format!("current_password={PASSWORD}&credential={credential}")
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn registration_is_good_once_and_for_its_user(#[case] engine: Engine) {
    let Some(setup) = setup_on(engine) else {
        return;
    };
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let options = app.passkey_options(&session_id).await;
    let mut phone = Authenticator::phone();
    let credential = phone.register(&options);
    app.register("ann@x.fr", PASSWORD).await;
    let ann = app.log_in("ann@x.fr", PASSWORD).await.session_id();
    let theirs = app.send_passkey(&ann, &credential, "x").await;
    assert_eq!(code_of(&theirs), "passkey_refused", "another user's");
    let late = app.send_passkey(&session_id, &credential, "x").await;
    assert_eq!(code_of(&late), "passkey_refused", "it is used up");

    let options = app.passkey_options(&session_id).await;
    let credential = phone.register(&options);
    app.advance(600);
    let late = app.send_passkey(&session_id, &credential, "x").await;
    assert_eq!(code_of(&late), "passkey_refused", "it has expired");

    app.add_passkey(&session_id, &mut phone).await;
    // The same authenticator is not registered for another account.
    let options = app.passkey_options(&ann).await;
    let answer = app.send_passkey(&ann, &phone.register(&options), "x").await;
    assert_eq!(code_of(&answer), "passkey_exists");
}

#[actix_web::test]
async fn options_ask_for_what_is_accepted() {
    let app = setup().start().await;
    let session_id = app.new_bob().await;
    let options = app.passkey_options(&session_id).await;
    let algorithms = options["pubKeyCredParams"].as_array().unwrap().iter();
    let algorithms: Vec<_> = algorithms.map(|one| one["alg"].as_i64().unwrap()).collect();
    assert_eq!(algorithms, [-8, -7, -257]);
    assert_eq!(options["attestation"], "none");
    assert_eq!(
        options["rp"],
        serde_json::json!({"id": "localhost", "name": "Bienvenue"})
    );
    assert_eq!(options["user"]["name"], BOB);
    assert_eq!(
        options["authenticatorSelection"]["residentKey"],
        "preferred"
    );
    for member in ["challenge", "user"] {
        let text = &options[member];
        let text = text.as_str().or_else(|| text["id"].as_str()).unwrap();
        let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes());
        assert_eq!(bytes.unwrap().len(), 32, "{member}");
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn operator_and_deletion_remove_passkeys(#[case] engine: Engine) {
    let Some(setup) = setup_on(engine) else {
        return;
    };
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    app.add_passkey(&session_id, &mut Authenticator::phone())
        .await;
    let cookie = format!("session_id={session_id}");
    let export = app
        .with_cookie(Method::GET, "/profile/export", &cookie)
        .await;
    assert_eq!(export.json()["passkeys"][0]["name"], "phone");
    let bob = || {
        let db = app.place.open(crate::support::settings(&app.clock));
        db.find_user_by(NormalizedEmail::parse(BOB).unwrap())
    };
    let removed = app
        .auth
        .reset_second_factors(Some(&bob().unwrap()))
        .unwrap();
    assert_eq!(removed.len(), 1);
    assert_eq!(app.log_in(BOB, PASSWORD).await.status.as_u16(), 200);

    let session_id = app.log_in(BOB, PASSWORD).await.session_id();
    app.add_passkey(&session_id, &mut Authenticator::phone())
        .await;
    let all = app.auth.reset_second_factors(None).unwrap();
    assert_eq!(all.len(), 1, "those who have a passkey alone, too");
    let session_id = app.log_in(BOB, PASSWORD).await.session_id();
    let mut phone = Authenticator::phone();
    app.add_passkey(&session_id, &mut phone).await;
    app.auth
        .delete_user(NormalizedEmail::parse(BOB).unwrap())
        .unwrap();
    let left = app.place.texts("SELECT name AS value FROM passkeys");
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(code_of(&app.log_in_by(&phone).await), "invalid_passkey");
}

#[actix_web::test]
async fn mistake_at_a_removal_shows_the_form_again() {
    let app = setup().start().await;
    let session_id = app.new_bob().await;
    let added = app
        .add_passkey(&session_id, &mut Authenticator::phone())
        .await;
    let code = added.json()["recovery_codes"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let id = app.passkeys(&session_id).await[0]["id"].to_string();
    let remove = async |fields: &str| {
        let (path, body) = ("/account/passkeys/remove", format!("id={id}&{fields}"));
        app.as_user(&session_id, Method::POST, path, body).await
    };
    let form_of = |page: &Answer| {
        let (_, form) = page.body.split_once("<form ").unwrap();
        form.split_once("</form>").unwrap().0.to_owned()
    };
    let wrong_code = code.replace(|letter: char| letter.is_alphanumeric(), "A");
    for (password, code) in [("anders", &code), (PASSWORD, &wrong_code)] {
        let page = remove(&format!("current_password={password}&recovery_code={code}")).await;
        assert_eq!(code_of(&page), "invalid_credentials", "{}", page.body);
        assert!(page.body.contains("The password or the code is wrong"));
        let form = form_of(&page);
        assert!(form.contains(&format!("value=\"{id}\"")), "{form}");
        assert!(form.contains("id=\"recovery_code\""), "{form}");
        assert!(!page.body.contains(password), "no password is sent back");
    }
    let page = remove(&format!("recovery_code={code}")).await;
    assert_eq!(page.status.as_u16(), 400);
    assert!(form_of(&page).contains("current_password-wrong"));

    let removed = remove(&format!("current_password={PASSWORD}&recovery_code={code}")).await;
    let location = removed.header("location");
    assert_eq!(
        location,
        Some("/account/passkeys?done=removed"),
        "{}",
        removed.body
    );
}

#[actix_web::test]
async fn pages_rename_and_remove_one_passkey() {
    let app = setup().start().await;
    let session_id = app.new_bob().await;
    let mut phone = Authenticator::phone();
    let added = app.add_passkey(&session_id, &mut phone).await;
    let code = added.json()["recovery_codes"][0].clone();
    let id = app.passkeys(&session_id).await[0]["id"].to_string();
    let cookie = format!("session_id={session_id}");
    let show = async |path: &str| {
        let page = navigation(Method::GET, path).insert_header(("Cookie", cookie.as_str()));
        app.send(page).await
    };
    let send =
        async |path: &str, body: String| app.as_user(&session_id, Method::POST, path, body).await;
    let (name, remove) = ("/account/passkeys/name", "/account/passkeys/remove");
    let gone = Some("/account/passkeys?done=gone");

    let page = show("/account").await;
    assert!(page.body.contains("Passkey. Recovery codes left: 10"));
    let page = show("/account/second-factor").await;
    assert!(page.body.contains("in use"), "{}", page.body);
    let page = show(&format!("{name}?id={id}")).await;
    assert!(page.body.contains("Rename a passkey"), "{}", page.body);
    for wrong in ["", "&name=", "&name=%20"] {
        let page = send(name, format!("id={id}{wrong}")).await;
        assert_eq!(page.status.as_u16(), 400, "{wrong}");
        assert!(page.body.contains("name-wrong"), "{}", page.body);
    }
    let renamed = send(name, format!("id={id}&name=my+phone")).await;
    assert_eq!(
        renamed.header("location"),
        Some("/account/passkeys?done=renamed")
    );
    let page = show("/account/passkeys?done=renamed").await;
    assert!(page.body.contains(">my phone</span>"), "{}", page.body);

    let page = show(&format!("{remove}?id={id}")).await;
    assert!(page.body.contains("recovery_code"), "{}", page.body);
    let form = format!(
        "id={id}&current_password={PASSWORD}&recovery_code={}",
        code.as_str().unwrap()
    );
    let removed = send(remove, form.clone()).await;
    assert_eq!(
        removed.header("location"),
        Some("/account/passkeys?done=removed")
    );
    // The button was pressed twice, and pages of a passkey that is not there.
    assert_eq!(send(remove, form).await.header("location"), gone);
    assert_eq!(
        send(name, format!("id={id}&name=x"))
            .await
            .header("location"),
        gone
    );
    for path in [name, remove] {
        for query in ["", "?id=x", "?id=99"] {
            let answer = show(&format!("{path}{query}")).await;
            assert_eq!(answer.header("location"), gone, "{path}{query}");
        }
    }
    let page = show("/account/passkeys?done=gone").await;
    assert!(page.body.contains("There is no such passkey any more."));
}
