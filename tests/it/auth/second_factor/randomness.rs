//! The secrets and codes of second factors are random, and stored so that a reader of the database
//! has neither.

use std::collections::HashSet;

use bienvenue::domain::{RecoveryCode, TotpSecret, UserId};
use data_encoding::{BASE32_NOPAD, HEXUPPER};
use rstest::rstest;

use crate::support::app::Setup;
use crate::support::{Engine, Place};

/// How many are drawn. A fair bit is set in 40 to 60 % of them, but for one test in 10^18.
const DRAWN: usize = 2000;

#[test]
fn bits_of_secrets_and_codes_are_random() {
    let secret = || TotpSecret::generate().unwrap().to_base32().clone();
    let code = || RecoveryCode::generate().unwrap().expose();
    let draw: [(&str, usize, &dyn Fn() -> String); 2] =
        [("secret", 20, &secret), ("recovery code", 15, &code)];
    for (kind, length, draw) in draw {
        let texts: HashSet<String> = (0..DRAWN).map(|_| draw()).collect();
        assert_eq!(texts.len(), DRAWN, "each {kind} is another one");
        let mut set = vec![0; length * 8];
        for text in &texts {
            let letters = text.replace('-', "").to_ascii_uppercase();
            let bytes = BASE32_NOPAD.decode(letters.as_bytes()).unwrap();
            assert_eq!(bytes.len(), length, "{kind}");
            for (bit, count) in set.iter_mut().enumerate() {
                *count += usize::from(bytes[bit / 8] >> (bit % 8) & 1);
            }
        }
        for (bit, count) in set.iter().enumerate() {
            let is_fair = (DRAWN * 2 / 5..DRAWN * 3 / 5).contains(count);
            assert!(is_fair, "bit {bit} of a {kind} is set in {count}");
        }
    }
}

#[rstest]
#[actix_web::test]
async fn stored_factors_hold_neither_code_nor_secret(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = Setup::at(place).start().await;
    let (phone, codes) = app.enrol(&app.bob().await).await;
    let rows = |column: &str, table: &str| {
        let column = match engine {
            Engine::Sqlite => format!("hex({column})"),
            Engine::Postgres => format!("upper(encode({column}, 'hex'))"),
        };
        let rows = format!("SELECT {column} AS value FROM {table} ORDER BY 1");
        app.place.texts(&rows)
    };
    let id = app
        .place
        .texts("SELECT CAST(id AS TEXT) AS value FROM users");
    let id = UserId::new(id[0].parse().unwrap());
    let digest = |code: &String| RecoveryCode::parse(code).unwrap().digest(id);
    let digests = codes.iter().map(digest);
    let mut digests: Vec<_> = digests
        .map(|digest| HEXUPPER.encode(digest.as_bytes()))
        .collect();
    digests.sort();
    assert_eq!(rows("digest", "recovery_codes"), digests);
    let sealed = rows("secret", "totp");
    let secret = BASE32_NOPAD.decode(phone.secret.as_bytes()).unwrap();
    assert_eq!(secret.len(), 20);
    for known in [&secret, phone.secret.as_bytes()] {
        assert!(!sealed[0].contains(&HEXUPPER.encode(known)), "{sealed:?}");
    }
}
