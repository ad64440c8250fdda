//! Requirements on the service or its sources as a whole, which no other test bears.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bcrypt_lanes::{Input, bcrypt};
use bienvenue::domain::SessionId;
use rstest::rstest;

use crate::support::app::{Setup, app};
use crate::support::{Engine, Place};

const MANIFEST: &str = include_str!("../../../Cargo.toml");
const LOCK: &str = include_str!("../../../Cargo.lock");

#[rstest]
#[case(64)]
#[case(65)]
#[case(1024)]
#[actix_web::test]
async fn r07_passwords_of_64_characters_and_more_are_permitted(#[case] length: usize) {
    let app = app().await;
    let long = "x".repeat(length);
    assert_eq!(app.register("bob@dylan.com", &long).await.status, 201);
    assert_eq!(app.log_in("bob@dylan.com", &long).await.status, 200);
    let shorter = &long[1..];
    assert_eq!(app.log_in("bob@dylan.com", shorter).await.status, 401);
}

#[rstest]
#[actix_web::test]
async fn r12_a_new_service_has_no_accounts(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = Setup::at(place).start().await;
    assert_eq!(app.place.texts("SELECT email AS value FROM users"), [""; 0]);
}

#[actix_web::test]
async fn r17_no_password_hint_or_question_is_stored() {
    let app = app().await;
    let columns = "SELECT name AS value FROM pragma_table_info('users') ORDER BY name";
    assert_eq!(
        app.place.texts(columns),
        [
            "email",
            "email_key",
            "hashed_password",
            "id",
            "reset_token",
            "session_id"
        ]
    );
}

#[actix_web::test]
async fn r24_a_session_is_looked_up_at_every_request() {
    let app = app().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.json()["session_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(app.profile(&id).await.status, 200);
    app.place.sql("DELETE FROM sessions");
    assert_eq!(app.profile(&id).await.line(), "403 ");
}

#[test]
fn r25_session_ids_are_unique_random_uuids() {
    let ids: HashSet<String> = (0..10_000)
        .map(|_| SessionId::generate().expose())
        .collect();
    assert_eq!(ids.len(), 10_000);
    for id in &ids {
        assert_eq!((id.len(), &id[14..15]), (36, "4"), "{id}");
        assert!("89ab".contains(&id[19..20]), "{id}");
        assert_eq!(id.to_lowercase(), *id);
    }
}

/// Tokens, secrets and codes are of `getrandom`, of `ring`, which reads the same source, or of
/// `uuid`, which is built without a generator of its own.
#[test]
fn random_bytes_are_those_of_the_system() {
    for generator in ["rand", "rand_core", "rand_chacha", "fastrand", "oorandom"] {
        let line = format!("\n{generator} = ");
        assert!(!MANIFEST.contains(&line), "{generator}");
    }
    let packages = LOCK.split("[[package]]");
    let mut uuids = packages.filter(|package| package.contains("\nname = \"uuid\"\n"));
    let uuid = uuids.next().unwrap();
    assert!(uuid.contains(" \"getrandom "), "{uuid}");
    assert!(!uuid.contains(" \"rand"), "{uuid}");
    assert_eq!(uuids.next(), None);
}

#[actix_web::test]
async fn r44_r45_api_never_redirects_and_bodies_are_json() {
    let app = app().await;
    let table = include_str!("../../../src/http/routes.rs");
    let paths = table.split("Resource::new(\"").skip(1);
    let paths = paths.map(|rest| rest.split('"').next().unwrap());
    for path in paths.chain(["/nix", "//x.org", "/\\x.org"]) {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
            let uri = format!("{path}?next=https://x.org");
            let request = TestRequest::with_uri(&uri).method(method.clone());
            let answer = app.send(request).await;
            assert!(!answer.status.is_redirection(), "{method} {path}");
            // For a proxy that redirects: a page of the same host.
            let asks = ["/verify", "/verify/redirect"].contains(&path);
            let login = (asks && method == Method::GET).then_some("/login");
            assert_eq!(answer.header("location"), login);
            if !answer.body.is_empty() {
                let kind = answer.header("content-type");
                assert_eq!(kind, Some("application/json"), "{method} {path}");
            }
        }
    }
}

#[test]
fn r58_no_outdated_digest_is_used() {
    for outdated in ["md5", "sha-1"] {
        let depends = MANIFEST
            .lines()
            .any(|line| line.split([' ', '=']).next() == Some(outdated));
        assert!(!depends, "{outdated}");
    }
    // Imported hashes of other systems contain MD5 and SHA-1, until the first login.
    let imported = [
        "prehash.rs",
        "pbkdf2_sha/src/lib.rs",
        "foreign/md5_crypt.rs",
    ];
    let grep = Command::new("grep")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["-rlE", r"\b(md5|sha1)::", "src", "crates"])
        .output()
        .unwrap();
    let found = String::from_utf8(grep.stdout).unwrap();
    assert_eq!(found.lines().count(), imported.len(), "{found}");
    for file in found.lines() {
        let is_imported = imported.iter().any(|end| file.ends_with(end));
        assert!(is_imported, "{file} uses an outdated digest");
    }
}

#[test]
fn r59_digests_that_differ_in_one_bit_are_not_equal() {
    let digest = |password: &[u8]| {
        let inputs = [Input::new(password, [7; 16], 4).unwrap()];
        let [digest] = bcrypt(&inputs);
        digest
    };
    assert_eq!(digest(b"secret"), digest(b"secret"));
    for bit in 0..8 {
        assert_ne!(
            digest(b"secret"),
            digest(&[&b"secre"[..], &[b't' ^ (1 << bit)]].concat())
        );
    }
}

#[test]
fn r67_every_dependency_is_pinned_and_comes_from_the_registry() {
    let sources = LOCK.lines().filter(|line| line.starts_with("source = "));
    assert!(sources.clone().count() > 100);
    for source in sources {
        assert!(source.starts_with("source = \"registry+"), "{source}");
    }
}

#[test]
fn r69_unsafe_code_is_forbidden() {
    assert!(MANIFEST.contains("\nunsafe_code = \"forbid\"\n"));
}

#[test]
fn r93_a_package_holds_no_version_control_data() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--offline"])
        .current_dir(folder)
        .output()
        .unwrap();
    let files = String::from_utf8(listed.stdout).unwrap();
    assert!(files.lines().any(|file| file == "src/main.rs"), "{files}");
    assert!(
        !files.lines().any(|file| file.starts_with(".git/")),
        "{files}"
    );
    assert!(fs::exists(folder.join("Cargo.lock")).unwrap());
}
