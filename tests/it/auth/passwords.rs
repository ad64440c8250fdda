//! How passwords are stored and verified.

use bienvenue::auth::{Auth, AuthError, AuthSettings, Inline, hash_password};
use bienvenue::db::{DbSettings, UserChanges};
use bienvenue::domain::{
    BcryptCost, Client, Email, HashedPassword, Password, PasswordError, PasswordSettings,
};

use pollster::block_on;

use crate::support::app::quick;
use crate::support::{Place, email, eventually, password, until_hash};

fn cost(cost: u32) -> BcryptCost {
    BcryptCost::new(cost).unwrap()
}

fn at_cost(place: &Place, number: u32) -> Auth {
    let settings = AuthSettings {
        passwords: PasswordSettings {
            bcrypt_cost: cost(number),
            ..PasswordSettings::default()
        },
        ..quick()
    };
    Auth::new(place.open(DbSettings::default()), settings).unwrap()
}

/// Replaces the stored password of a user.
fn store(place: &Place, user: &Email, stored: &str) {
    let db = place.open(DbSettings::default());
    let user = db.find_user_by(user).unwrap();
    let changes = UserChanges::new().hashed_password(HashedPassword::from_stored(stored));
    db.update_user(user.id, &changes).unwrap();
}

fn stored(place: &Place) -> String {
    place
        .texts("SELECT hashed_password AS value FROM users")
        .remove(0)
}

#[test]
fn r20_up_to_71_bytes_are_standard_bcrypt_and_more_are_tagged() {
    for (length, tagged) in [(1, false), (71, false), (72, true), (1024, true)] {
        let text = "x".repeat(length);
        let hash = hash_password(&password(&text), BcryptCost::MINIMUM).unwrap();
        let hash = hash.expose();
        assert_eq!(
            hash.starts_with("$bienvenue-1$2b$04$"),
            tagged,
            "{length}: {hash}"
        );
        assert_eq!(hash.starts_with("$2b$04$"), !tagged);
        if !tagged {
            assert!(
                bcrypt::verify(&text, hash).unwrap(),
                "as any library reads it"
            );
        }
    }
}

#[test]
fn r20_nothing_is_cut_at_72_bytes() {
    let place = Place::new();
    let auth = at_cost(&place, 4);
    let bob = email("bob@dylan.com");
    let long = "x".repeat(100);
    auth.register_user(&bob, &password(&long)).unwrap();
    assert!(auth.valid_login(&bob, &password(&long)).unwrap());
    for other in [
        "x".repeat(99),
        "x".repeat(72),
        "x".repeat(71),
        format!("{long}x"),
    ] {
        assert!(!auth.valid_login(&bob, &password(&other)).unwrap());
    }
}

#[test]
fn r20_digest_of_a_long_password_is_not_a_password() {
    use hmac::{Hmac, KeyInit, Mac};
    let place = Place::new();
    let auth = at_cost(&place, 4);
    let bob = email("bob@dylan.com");
    let long = "x".repeat(100);
    auth.register_user(&bob, &password(&long)).unwrap();
    let mut mac = Hmac::<sha2::Sha384>::new_from_slice(b"bienvenue/password/1").unwrap();
    mac.update(long.as_bytes());
    let digest = data_encoding::BASE64.encode(&mac.finalize().into_bytes());
    let (tag, bcrypt) = stored(&place)
        .split_once("$2b$")
        .map(|(t, b)| (t.to_owned(), format!("$2b${b}")))
        .unwrap();
    assert_eq!(tag, "$bienvenue-1");
    assert!(
        bcrypt::verify(&digest, &bcrypt).unwrap(),
        "it is the documented pre-hash"
    );
    assert!(!auth.valid_login(&bob, &password(&digest)).unwrap());
}

#[test]
fn r06_a_password_is_verified_exactly_as_it_was_sent() {
    let place = Place::new();
    let auth = at_cost(&place, 4);
    let bob = email("bob@dylan.com");
    auth.register_user(&bob, &password(" Pass wörd ")).unwrap();
    assert!(auth.valid_login(&bob, &password(" Pass wörd ")).unwrap());
    // The last one is the same letters with a combining diaeresis.
    for other in ["Pass wörd", " pass wörd ", " Pass wo\u{308}rd "] {
        assert!(
            !auth.valid_login(&bob, &password(other)).unwrap(),
            "{other}"
        );
    }
}

#[test]
fn r79_a_password_has_no_nul_and_at_most_1024_bytes() {
    assert_eq!(Password::parse("").unwrap_err(), PasswordError::Missing);
    assert_eq!(Password::parse("a\0b").unwrap_err(), PasswordError::Nul);
    assert_eq!(
        Password::parse(&"é".repeat(513)).unwrap_err(),
        PasswordError::TooLong
    );
    assert!(Password::parse(&"é".repeat(512)).is_ok());
}

#[test]
fn r21_hash_of_a_lower_cost_is_rehashed_at_login() {
    let place = Place::new();
    let bob = email("bob@dylan.com");
    at_cost(&place, 4)
        .register_user(&bob, &password("bob_pwd"))
        .unwrap();
    let old = stored(&place);
    let auth = at_cost(&place, 5);
    assert!(!auth.valid_login(&bob, &password("wrong")).unwrap());
    assert_eq!(stored(&place), old, "a wrong password renews nothing");
    assert!(auth.valid_login(&bob, &password("bob_pwd")).unwrap());
    eventually("the hash is renewed", || {
        stored(&place).starts_with("$2b$05$")
    });
    assert!(auth.valid_login(&bob, &password("bob_pwd")).unwrap());
}

#[test]
fn r21_login_through_the_service_rehashes() {
    let place = Place::new();
    let bob = email("bob@dylan.com");
    at_cost(&place, 4)
        .register_user(&bob, &password("bob_pwd"))
        .unwrap();
    let auth = at_cost(&place, 5);
    let client = Client::default();
    let login = auth.log_in(&Inline, &bob, password("bob_pwd"), None, &client);
    block_on(login).unwrap();
    eventually("the hash is renewed", || {
        stored(&place).starts_with("$2b$05$")
    });
}

#[test]
fn r21_hash_of_a_truncated_password_is_rehashed() {
    let place = Place::new();
    let auth = at_cost(&place, 4);
    let bob = email("bob@dylan.com");
    let long = "x".repeat(100);
    auth.register_user(&bob, &password(&long)).unwrap();
    store(&place, &bob, &bcrypt::hash(&long, 4).unwrap());
    assert!(auth.valid_login(&bob, &password(&long)).unwrap());
    eventually("the hash is renewed", || {
        stored(&place).starts_with("$bienvenue-1$2b$04$")
    });
    assert!(!auth.valid_login(&bob, &password(&long[..72])).unwrap());
}

#[test]
fn a_hash_of_a_higher_cost_stays() {
    let place = Place::new();
    let bob = email("bob@dylan.com");
    at_cost(&place, 5)
        .register_user(&bob, &password("bob_pwd"))
        .unwrap();
    let auth = at_cost(&place, 4);
    assert!(auth.valid_login(&bob, &password("bob_pwd")).unwrap());
    drop(auth);
    assert!(stored(&place).starts_with("$2b$05$"));
}

#[test]
fn stored_text_that_is_no_bcrypt_hash_never_matches() {
    let place = Place::new();
    let auth = at_cost(&place, 4);
    let bob = email("bob@dylan.com");
    auth.register_user(&bob, &password("bob_pwd")).unwrap();
    for text in [
        "",
        "bob_pwd",
        "$2b$",
        "$2b$04$",
        "$2b$99$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZabcde",
        "$2b$04$short",
        "$2b$04$!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
        "$bienvenue-1",
        "$bienvenue-2$2b$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZabcde",
        "é$2b$04$éééééééééééééééééééééééééééééééééééé",
    ] {
        store(&place, &bob, text);
        assert!(
            !auth.valid_login(&bob, &password("bob_pwd")).unwrap(),
            "{text}"
        );
    }
}

#[test]
fn the_prefixes_of_other_bcrypt_libraries_are_read() {
    let place = Place::new();
    let auth = at_cost(&place, 4);
    let bob = email("bob@dylan.com");
    auth.register_user(&bob, &password("bob_pwd")).unwrap();
    let hash = stored(&place);
    for prefix in ["$2a$", "$2y$", "$2b$"] {
        store(&place, &bob, &hash.replace("$2b$", prefix));
        assert!(
            auth.valid_login(&bob, &password("bob_pwd")).unwrap(),
            "{prefix}"
        );
    }
}

#[test]
fn r30_password_change_during_a_login_opens_no_session() {
    let place = Place::new();
    let bob = email("bob@dylan.com");
    // The hash must not be done before the login waits for it.
    let auth = at_cost(&place, 10);
    auth.register_user(&bob, &password("bob_pwd")).unwrap();
    let client = Client::default();
    let begin = || until_hash(auth.log_in(&Inline, &bob, password("bob_pwd"), None, &client));
    let (changed, deleted) = (begin(), begin());
    let other = hash_password(&password("other"), BcryptCost::MINIMUM).unwrap();
    store(&place, &bob, other.expose());
    assert!(matches!(
        block_on(changed),
        Err(AuthError::ConcurrentChange)
    ));
    auth.delete_user(&bob).unwrap();
    assert!(matches!(
        block_on(deleted),
        Err(AuthError::ConcurrentChange)
    ));
    let sessions = place.texts("SELECT CAST(user_id AS TEXT) AS value FROM sessions");
    assert!(sessions.is_empty(), "{sessions:?}");
}

#[test]
fn r21_parallel_logins_survive_a_rehash() {
    let place = Place::new();
    let bob = email("bob@dylan.com");
    // The hash must not be done before the login waits for it.
    at_cost(&place, 10)
        .register_user(&bob, &password("bob_pwd"))
        .unwrap();
    let auth = at_cost(&place, 11);
    let client = Client::default();
    let begin = || until_hash(auth.log_in(&Inline, &bob, password("bob_pwd"), None, &client));
    let (first, second) = (begin(), begin());
    block_on(first).unwrap();
    eventually("the hash is renewed", || {
        stored(&place).starts_with("$2b$11$")
    });
    assert!(matches!(block_on(second), Err(AuthError::ConcurrentChange)));
    block_on(begin()).unwrap();
}
