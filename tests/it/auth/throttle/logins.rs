//! Logins and registrations over HTTP, as guessers and their victims meet them.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test;
use bienvenue::auth::{AuthError, Inline, ThrottleSettings};
use bienvenue::domain::{BcryptCost, Client};
use rstest::rstest;

use crate::support::app::{Answer, App, Setup, fields, quick};
use crate::support::{Engine, Place, email, eventually, password, until_hash};

pub(super) const BOB: &str = "bob@dylan.com";
const NOBODY: &str = "unknown@dylan.com";

/// A service on which guesses are counted, and bob is registered.
pub(super) async fn throttling(place: Place) -> App {
    let mut setup = Setup::at(place);
    setup.auth.throttle = ThrottleSettings::default();
    let app = setup.start().await;
    // From no address, so that it is counted nowhere.
    app.register(BOB, "bob_pwd").await;
    app
}

/// Does what blocks on a thread that is none of the runtime's.
fn beside<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

/// A sender of requests.
#[derive(Clone)]
pub(super) struct From {
    pub(super) address: String,
    pub(super) device: Option<String>,
}

pub(super) fn from(address: &str) -> From {
    From {
        address: address.to_owned(),
        device: None,
    }
}

impl From {
    pub(super) async fn post(&self, app: &App, path: &str, email: &str, password: &str) -> Answer {
        let mut request = test::TestRequest::with_uri(path)
            .method(Method::POST)
            .peer_addr(std::net::SocketAddr::new(self.address.parse().unwrap(), 1))
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .set_payload(fields(email, password));
        if let Some(device) = &self.device {
            request = request.insert_header(("Cookie", format!("device={device}")));
        }
        app.send(request).await
    }

    pub(super) async fn try_login(&self, app: &App, email: &str, password: &str) -> u16 {
        let answer = self.post(app, "/sessions", email, password).await;
        answer.status.as_u16()
    }
}

pub(super) fn device_of(answer: &Answer) -> String {
    let cookies = answer.headers("set-cookie");
    let cookie = cookies.iter().find(|cookie| cookie.starts_with("device="));
    let value = cookie.unwrap().strip_prefix("device=").unwrap();
    value.split(';').next().unwrap().to_owned()
}

#[actix_web::test]
async fn r11_sixth_guess_waits_even_with_the_right_password() {
    for account in [BOB, NOBODY] {
        let app = throttling(Place::new()).await;
        for number in 0..5 {
            let elsewhere = from(&format!("192.0.{number}.1"));
            assert_eq!(elsewhere.try_login(&app, account, "wrong").await, 401);
        }
        let guesser = from("198.51.100.1");
        let answer = guesser.post(&app, "/sessions", account, "bob_pwd").await;
        assert_eq!(
            answer.line(),
            r#"429 {"message":"too many attempts, please wait and try again"}"#
        );
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.headers("set-cookie").is_empty());
        app.advance(1);
        assert_eq!(guesser.try_login(&app, account, "wrong").await, 401);
        let answer = guesser.post(&app, "/sessions", account, "bob_pwd").await;
        assert_eq!(answer.header("retry-after"), Some("2"));
    }
}

#[actix_web::test]
async fn r01_known_clients_of_a_victim_are_not_locked_out() {
    let app = throttling(Place::new()).await;
    let home = from("203.0.113.5");
    let login = home.post(&app, "/sessions", BOB, "bob_pwd").await;
    let travelling = From {
        device: Some(device_of(&login)),
        ..from("198.18.0.1")
    };
    let mut passed = 0;
    for number in 0..2000_u32 {
        let guesser = from(&format!("10.{}.{}.1", number / 250, number % 250));
        passed += usize::from(guesser.try_login(&app, BOB, "wrong").await == 401);
        app.advance(60);
    }
    assert_eq!(passed, 100);
    app.advance(86_400);
    let elsewhere = from("198.51.100.1");
    assert_eq!(
        elsewhere.try_login(&app, BOB, "bob_pwd").await,
        429,
        "locked"
    );
    assert_eq!(home.try_login(&app, BOB, "bob_pwd").await, 200);
    // That was a success of a known client: the others may come again.
    assert_eq!(elsewhere.try_login(&app, BOB, "wrong").await, 401);
    for _ in 0..10 {
        elsewhere.try_login(&app, BOB, "wrong").await;
    }
    assert_eq!(elsewhere.try_login(&app, BOB, "bob_pwd").await, 429);
    assert_eq!(travelling.try_login(&app, BOB, "bob_pwd").await, 200);
    assert_eq!(elsewhere.try_login(&app, BOB, "bob_pwd").await, 200);
}

#[actix_web::test]
async fn known_client_has_ten_guesses_then_one_a_minute() {
    let app = throttling(Place::new()).await;
    let home = from("203.0.113.5");
    assert_eq!(home.try_login(&app, BOB, "bob_pwd").await, 200);
    for _ in 0..10 {
        assert_eq!(home.try_login(&app, BOB, "wrong").await, 401);
    }
    let refused = home.post(&app, "/sessions", BOB, "bob_pwd").await;
    assert_eq!(refused.header("retry-after"), Some("60"));
    for _ in 10..100 {
        app.advance(60);
        assert_eq!(home.try_login(&app, BOB, "wrong").await, 401);
    }
    app.advance(60);
    for _ in 0..5 {
        assert_eq!(home.try_login(&app, BOB, "wrong").await, 401);
    }
    assert_eq!(home.try_login(&app, BOB, "wrong").await, 429);
}

#[actix_web::test]
async fn planted_device_cookie_is_not_adopted() {
    let app = throttling(Place::new()).await;
    let planted = "0b0e7a68-5f3b-4b5e-9d0a-1b2c3d4e5f60";
    let victim = From {
        device: Some(planted.to_owned()),
        ..from("203.0.113.5")
    };
    let first = device_of(&victim.post(&app, "/sessions", BOB, "bob_pwd").await);
    assert_ne!(first, planted);
    let again = From {
        device: Some(first.clone()),
        ..victim
    };
    let second = again.post(&app, "/sessions", BOB, "bob_pwd").await;
    assert_eq!(device_of(&second), first);
}

#[actix_web::test]
async fn the_device_cookie_lasts_180_days_and_no_script_reads_it() {
    for https in [false, true] {
        let mut setup = Setup::new();
        setup.auth.throttle = ThrottleSettings::default();
        setup.http.https = https;
        let app = setup.start().await;
        app.register(BOB, "bob_pwd").await;
        let login = app.log_in(BOB, "bob_pwd").await;
        let cookies = login.headers("set-cookie");
        let name = if https { "__Host-device=" } else { "device=" };
        let cookie = cookies.iter().find(|cookie| cookie.starts_with(name));
        let attributes: Vec<_> = cookie.unwrap().split("; ").skip(1).collect();
        for expected in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=15552000"] {
            assert!(attributes.contains(&expected), "{attributes:?}");
        }
        assert_eq!(attributes.contains(&"Secure"), https);
    }
}

#[actix_web::test]
async fn r57_address_has_20_guesses_and_its_site_100() {
    let app = throttling(Place::new()).await;
    let account = |number: usize| format!("{number}@x.org");
    for number in 0..20 {
        let guesser = from("2001:db8:1:1::5");
        assert_eq!(
            guesser.try_login(&app, &account(number), "wrong").await,
            401
        );
    }
    let same_network = from("2001:db8:1:1::77");
    let refused = same_network.post(&app, "/sessions", "new@x.org", "w").await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), Some("30"));
    for number in 20..100 {
        let neighbour = from(&format!("2001:db8:1:{}::1", number / 10));
        assert_eq!(
            neighbour.try_login(&app, &account(number), "wrong").await,
            401
        );
    }
    let neighbour = from("2001:db8:1:ffff::1");
    let refused = neighbour.post(&app, "/sessions", "new@x.org", "w").await;
    assert_eq!(refused.header("retry-after"), Some("5"));
    let rows = "SELECT key AS value FROM throttle WHERE key LIKE 'account/%'";
    assert_eq!(app.place.texts(rows).len(), 100, "the refused began no row");
    assert_eq!(
        from("192.0.2.1").try_login(&app, "new@x.org", "w").await,
        401
    );
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn l12_a_new_password_forgets_other_known_clients(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = throttling(place).await;
    let (thief, owner) = (from("198.51.100.9"), from("192.0.2.1"));
    assert_eq!(thief.try_login(&app, BOB, "bob_pwd").await, 200);
    let login = owner.post(&app, "/sessions", BOB, "bob_pwd").await;
    let cookies = format!(
        "session_id={}; device={}",
        login.session_id(),
        device_of(&login)
    );
    let change = test::TestRequest::put()
        .uri("/profile/password")
        .peer_addr("192.0.2.1:1".parse().unwrap())
        .insert_header(("Cookie", cookies))
        .set_form([("current_password", "bob_pwd"), ("new_password", "new_pwd")]);
    let known = "SELECT mark AS value FROM known_clients ORDER BY mark DESC";
    assert_eq!(app.place.texts(known).len(), 4);
    assert_eq!(app.send(change).await.status, 200);
    let kept = app.place.texts(known);
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(
        kept.iter().any(|mark| mark.starts_with("192.0.2.")),
        "{kept:?}"
    );
    assert!(kept.iter().any(|mark| !mark.contains('/')), "{kept:?}");
}

#[actix_web::test]
async fn right_logins_consume_no_guesses() {
    let app = throttling(Place::new()).await;
    for _ in 0..50 {
        assert_eq!(from("192.0.2.1").try_login(&app, BOB, "bob_pwd").await, 200);
        app.advance(2);
    }
    let rows = "SELECT key AS value FROM throttle WHERE fails > 0 AND key NOT LIKE 'logins/%'";
    assert_eq!(app.place.texts(rows), [""; 0]);
    let known = "SELECT mark AS value FROM known_clients";
    assert_eq!(app.place.texts(known).len(), 32, "a device at each login");
    app.auth.delete_user(&email(BOB)).unwrap();
    assert_eq!(app.place.texts(known), [""; 0]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn right_logins_of_an_account_are_30_then_30_a_minute(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = throttling(place).await;
    let log_in = async |number: u32| {
        let elsewhere = from(&format!("10.0.{number}.1"));
        elsewhere.post(&app, "/sessions", BOB, "bob_pwd").await
    };
    for number in 0..30 {
        assert_eq!(log_in(number).await.status, 200);
    }
    let refused = log_in(0).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), Some("2"));
    for number in 0..30 {
        app.advance(2);
        assert_eq!(log_in(number).await.status, 200);
    }
    assert_eq!(log_in(0).await.status, 429);
    let wrong = from("198.51.100.1").try_login(&app, NOBODY, "wrong").await;
    assert_eq!(wrong, 401, "another account");
}

#[actix_web::test]
async fn r57_an_address_registers_30_then_10_an_hour() {
    let app = throttling(Place::new()).await;
    let client = from("192.0.2.1");
    let register = async |number: usize| {
        let email = format!("{number}@x.org");
        client.post(&app, "/users", &email, "a password").await
    };
    for number in 0..30 {
        assert_eq!(register(number).await.status, 201);
    }
    let refused = register(30).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), Some("360"));
    let other = from("192.0.2.2").post(&app, "/users", "o@x.org", "a").await;
    assert_eq!(other.status, 201);
    app.advance(3600);
    for number in 30..40 {
        assert_eq!(register(number).await.status, 201);
    }
    assert_eq!(register(40).await.status, 429);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r57_a_site_registers_100_then_60_an_hour(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = throttling(place).await;
    let register = async |number: usize| {
        let email = format!("{number}@x.org");
        let client = from(&format!("2001:db8:1:{number}::1"));
        client.post(&app, "/users", &email, "a password").await
    };
    for number in 0..100 {
        assert_eq!(register(number).await.status, 201);
    }
    let refused = register(100).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), Some("60"));
    let other = from("2001:db8:2::1")
        .post(&app, "/users", "o@x.org", "a")
        .await;
    assert_eq!(other.status, 201, "another site");
    app.advance(3600);
    let mut passed = 0;
    for number in 101..170 {
        passed += usize::from(register(number).await.status == 201);
    }
    assert_eq!(passed, 60);
}

#[actix_web::test]
async fn r14_every_authentication_counts_guesses() {
    let app = throttling(Place::new()).await;
    let valid = |text: &str| beside(|| app.auth.valid_login(&email(BOB), &password(text)));
    for _ in 0..5 {
        assert!(!valid("wrong").unwrap());
    }
    assert!(matches!(
        valid("bob_pwd"),
        Err(AuthError::RateLimited { retry_after, .. }) if retry_after == Duration::from_secs(1)
    ));
    assert_eq!(from("192.0.2.1").try_login(&app, BOB, "bob_pwd").await, 429);
    app.auth.clear_limits(&email(BOB)).unwrap();
    assert!(valid("bob_pwd").unwrap());
}

#[actix_web::test]
async fn r77_login_fails_if_guesses_cannot_be_counted() {
    let app = throttling(Place::new()).await;
    app.place.sql("ALTER TABLE throttle RENAME TO elsewhere");
    let status = from("192.0.2.1").try_login(&app, BOB, "bob_pwd").await;
    assert_eq!(status, 503);
    app.place.sql("ALTER TABLE elsewhere RENAME TO throttle");
    assert_eq!(from("192.0.2.1").try_login(&app, BOB, "bob_pwd").await, 200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r86_counts_and_known_clients_survive_a_restart(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = throttling(place).await;
    let home = from("203.0.113.5");
    assert_eq!(home.try_login(&app, BOB, "bob_pwd").await, 200);
    for _ in 0..5 {
        assert_eq!(from("192.0.2.1").try_login(&app, BOB, "wrong").await, 401);
    }
    let place = app.place.clone();
    drop(app);
    let mut setup = Setup::at(Place::new());
    setup.place = place;
    setup.auth.throttle = ThrottleSettings::default();
    let app = setup.start().await;
    assert_eq!(from("192.0.2.2").try_login(&app, BOB, "bob_pwd").await, 429);
    assert_eq!(home.try_login(&app, BOB, "bob_pwd").await, 200);
}

#[actix_web::test]
async fn login_without_a_result_is_refunded() {
    let mut setup = Setup::new();
    setup.auth.throttle = ThrottleSettings::default();
    // The hash must not be done before the login waits for it.
    setup.auth.passwords.bcrypt_cost = BcryptCost::SERVING_MINIMUM;
    let app = setup.start().await;
    app.register(BOB, "bob_pwd").await;
    let fails = || {
        let rows = "SELECT cast(sum(fails) AS TEXT) AS value FROM throttle WHERE key LIKE 'account/%' HAVING sum(fails) > 0";
        app.place.texts(rows)
    };
    // A replaced password in the middle of the login: 503, and nothing was guessed.
    let (bob, client) = (email(BOB), Client::default());
    let login = app
        .auth
        .log_in(&Inline, &bob, password("bob_pwd"), None, &client);
    let login = until_hash(login);
    assert_eq!(fails(), ["1"]);
    app.place
        .sql("UPDATE users SET hashed_password = 'another'");
    assert!(matches!(login.await, Err(AuthError::ConcurrentChange)));
    eventually("it is given back", || fails().is_empty());
}

#[actix_web::test]
async fn throttling_off_counts_nothing_and_sets_no_cookie() {
    let mut setup = Setup::new();
    setup.auth = quick();
    let app = setup.start().await;
    app.register(BOB, "bob_pwd").await;
    for _ in 0..30 {
        assert_eq!(from("192.0.2.1").try_login(&app, BOB, "wrong").await, 401);
    }
    let login = app.log_in(BOB, "bob_pwd").await;
    assert_eq!(login.headers("set-cookie").len(), 1);
    let rows = "SELECT key AS value FROM throttle";
    assert_eq!(app.place.texts(rows), [""; 0]);
}
