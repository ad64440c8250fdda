//! Which new passwords are accepted, as a client sees it.

use bienvenue::auth::ContextWords;

use crate::support::Place;
use crate::support::app::{Setup, quick};
use crate::support::program::{Server, program};

const TAKEN: &str = r#"201 {"email":"ann.lee@mail.fr","message":"user created"}"#;
const COMMON: &str =
    r#"400 {"message":"password is among the most common ones: please choose a less common one"}"#;
const CONTEXT: &str = r#"400 {"message":"password is little more than your email address or the name of this service: please add to it"}"#;

/// A service at `login.example.org` that requires this number of characters.
fn asking_for(password_min_length: usize) -> Setup {
    let mut setup = Setup::new();
    setup.auth = quick();
    setup.auth.passwords.password_min_length = password_min_length.into();
    setup.auth.context_words = ContextWords::new(["bienvenue", "login.example.org"]);
    setup
}

/// The answer to a registration of `ann.lee@mail.fr` with that password.
async fn registration(minimum: usize, password: &str) -> String {
    let app = asking_for(minimum).start().await;
    app.register("ann.lee@mail.fr", password).await.line()
}

#[actix_web::test]
async fn r04_variants_of_common_passwords_are_refused() {
    for (minimum, password) in [
        (8, "password"),
        (8, "PassWord"),
        (8, "drowssap"),
        (8, "passwordpassword"),
        (8, "trustno1"),
        (8, "dragondragon"),
        (15, "passwordpassword"),
        (15, "1q2w3e4r5t6y7u8i9o0p"),
        (17, "redsoxredsoxredsox"),
    ] {
        let answer = registration(minimum, password).await;
        assert_eq!(answer, COMMON, "{password}");
    }
}

#[actix_web::test]
async fn r04_runs_of_digits_letters_and_keys_are_refused() {
    for password in [
        "12345678901234567",
        "98765432109876543210",
        "abcdefghijklmnopq",
        "qwertyuiopasdfghjkl",
        "POIUYTREWQLKJHGFDSA",
        "zzzzzzzzzzzzzzzzzzzzzzzz",
    ] {
        let answer = registration(15, password).await;
        assert_eq!(answer, COMMON, "{password}");
        let answer = registration(15, &password.repeat(5)).await;
        assert_eq!(answer, COMMON, "{password} five times");
    }
}

#[actix_web::test]
async fn r04_development_mode_accepts_common_passwords() {
    for minimum in [1, 7] {
        assert_eq!(registration(minimum, "password").await, TAKEN);
        assert_eq!(registration(minimum, "ann.lee").await, TAKEN);
    }
}

#[actix_web::test]
async fn r09_words_of_the_service_and_of_the_person_are_refused() {
    for password in [
        "bienvenue",
        "Bienvenue2026!",
        "login.example.org",
        "example-login",
        "ann.lee@mail.fr",
        "ANN.LEE@MAIL.FR",
        "rf.liam@eel.nna",
        "ann.lee12",
        "annannann",
    ] {
        assert_eq!(registration(8, password).await, CONTEXT, "{password}");
    }
    for password in ["bienvenue chez les ch'tis", "annual leave of a lee"] {
        assert_eq!(registration(8, password).await, TAKEN, "{password}");
    }
}

#[actix_web::test]
async fn r05_no_classes_of_characters_are_required() {
    for password in [
        "correct horse battery",
        "NOTHINGBUTCAPITALSHERE",
        "728401938572610",
        "               x",
        "пароль из одних букв",
        "🦀🐢🦀🐙🦀🐍🦀🐡🦀🦞🦀🐬🦀🐳🦀",
        "tab\tand\u{7f}control\u{1}characters",
    ] {
        assert_eq!(registration(15, password).await, TAKEN, "{password}");
    }
}

#[actix_web::test]
async fn r08_stored_passwords_never_expire() {
    let before = asking_for(1).start().await;
    before.register("ann.lee@mail.fr", "password").await;
    let serving = Setup {
        place: before.place.clone(),
        ..asking_for(15)
    };
    let app = serving.start().await;
    for year in 0..3 {
        let login = app.log_in("ann.lee@mail.fr", "password").await;
        assert_eq!(login.status.as_u16(), 200, "after {year} years");
        app.advance(365 * 24 * 3600);
    }
}

#[test]
fn r02_r04_r09_with_an_https_public_url_all_the_rules_hold() {
    let place = Place::new();
    let arguments = ["--bind", "127.0.0.1:0", "--bcrypt-cost", "10"];
    let mut command = program(place.folder(), &arguments);
    command.args(["--public-url", "https://connexion.example.org"]);
    let server = Server::spawn(command);
    for (password, told) in [
        ("fourteen lette", "15 characters"),
        ("passwordpassword", "most common"),
        ("connexion connexion", "name of this service"),
        ("bienvenue-bienvenue", "name of this service"),
        ("bob.dylan-bob.dylan", "your email address"),
    ] {
        let answer = server.post("/users", "bob.dylan@x.fr", password);
        assert_eq!(answer.status(), 400, "{password}");
        let text = answer.text().unwrap();
        assert!(text.contains(told), "{password}: {text}");
    }
}

#[test]
fn service_name_is_no_password() {
    let place = Place::new();
    let server = Server::start_with(
        &place,
        &["--password-min-length=8", "--service-name=Zanzibar Crafts"],
    );
    let register = |password: &str| server.register("ann.lee@mail.fr", password);
    for password in ["zanzibar", "Zanzibar Crafts", "crafts2026"] {
        assert_eq!(register(password), 400, "{password}");
    }
    assert_eq!(register("a whole sentence of mine"), 201);
}
