//! The legacy import: a database of the reference service is taken over.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;

use bienvenue::domain::BcryptCost;

use crate::support::app::Setup;
use crate::support::flask::{
    self, BLOB_PWD, DDL, LONG, LONG_PWD, Row, TEXT_PWD, blob, copies, crowd, crowd_session, row,
    text,
};
use crate::support::program::Server;
use crate::support::{Place, eventually, texts};

const BLOB_SESSION: &str = "fa5bdbb0-9ef1-42bd-ab7d-ebe8f6583ce5";
const TEXT_SESSION: &str = "387a26db-c6aa-4b9f-80f2-926085706c13";
const RESET_TOKEN: &str = "6d28c9af-80b5-4052-91fa-3dbbba89e57b";

/// One user with a hash of bytes and one with a hash of text, both logged in.
fn two_users() -> [Row<'static>; 2] {
    [
        Row {
            session_id: Some(BLOB_SESSION),
            ..row(1, "blob@x.fr")
        },
        Row {
            hashed_password: text(TEXT_PWD),
            session_id: Some(TEXT_SESSION),
            reset_token: Some(RESET_TOKEN),
            ..row(5, "text@x.fr")
        },
    ]
}

/// The service, about to start on such a file.
fn on(rows: &[Row<'_>]) -> Setup {
    let setup = Setup::new();
    flask::file(&setup.place, rows);
    setup
}

/// Whether the bytes of a text are anywhere in a file.
fn holds(file: &Path, text: &str) -> bool {
    let bytes = std::fs::read(file).unwrap();
    bytes.windows(text.len()).any(|w| w == text.as_bytes())
}

fn without_log(file: &Path) {
    let beside = |ending| std::path::PathBuf::from(format!("{}{ending}", file.display()));
    // A thread of the service may close its connection a moment later.
    eventually("no log beside the file", || !beside("-wal").exists());
    assert!(!beside("-journal").exists());
}

#[test]
fn test_database_matches_one_that_sqlalchemy_writes() {
    let place = Place::new();
    flask::file(&place, &two_users());
    assert_eq!(
        place.texts("SELECT name || ': ' || sql AS value FROM sqlite_master"),
        [format!("users: {DDL}")],
        "one table and no index"
    );
    assert_eq!(
        place.texts("SELECT typeof(hashed_password) AS value FROM users"),
        ["blob", "text"]
    );
    let settings = "SELECT journal_mode || ' ' || page_size || ' ' || encoding AS value
                    FROM pragma_journal_mode, pragma_page_size, pragma_encoding";
    assert_eq!(place.texts(settings), ["delete 4096 UTF-8"]);
}

#[actix_web::test]
async fn imported_passwords_stored_as_bytes_or_text_log_in() {
    let app = on(&two_users()).start().await;
    for (email, right, wrong) in [
        ("blob@x.fr", "blob_pwd", "text_pwd"),
        ("text@x.fr", "text_pwd", "blob_pwd"),
    ] {
        let session_id = app.log_in(email, right).await.session_id();
        let profile = app.profile(&session_id).await;
        assert_eq!(profile.line(), format!(r#"200 {{"email":"{email}"}}"#));
        assert_eq!(app.log_in(email, wrong).await.status, 401);
        assert_eq!(app.log_in(email, BLOB_PWD).await.status, 401);
    }
    assert_eq!(
        app.place
            .texts("SELECT DISTINCT typeof(hashed_password) AS value FROM users"),
        ["text"]
    );
}

#[actix_web::test]
async fn imported_sessions_stay_until_they_would_end() {
    let app = on(&two_users()).start().await;
    for (session_id, email) in [(BLOB_SESSION, "blob@x.fr"), (TEXT_SESSION, "text@x.fr")] {
        let profile = app.profile(session_id).await;
        assert_eq!(profile.line(), format!(r#"200 {{"email":"{email}"}}"#));
    }
    assert_eq!(app.profile(RESET_TOKEN).await.status, 403);
    assert_eq!(app.log_out(TEXT_SESSION).await.line(), "200 {}");
    assert_eq!(app.profile(TEXT_SESSION).await.status, 403);
    app.advance(24 * 3600 + 1);
    assert_eq!(app.profile(BLOB_SESSION).await.status, 403);
}

#[actix_web::test]
async fn shared_or_malformed_session_ids_open_no_second_session() {
    let app = on(&[
        Row {
            session_id: Some(BLOB_SESSION),
            ..row(1, "one@x.fr")
        },
        Row {
            session_id: Some(BLOB_SESSION),
            ..row(2, "two@x.fr")
        },
        Row {
            session_id: Some("chosen by hand"),
            ..row(3, "three@x.fr")
        },
    ])
    .start()
    .await;
    let profile = app.profile(BLOB_SESSION).await;
    assert_eq!(profile.line(), r#"200 {"email":"one@x.fr"}"#);
    assert_eq!(
        app.place
            .texts("SELECT group_concat(id) AS value FROM users WHERE session_id IS NULL"),
        ["2,3"]
    );
    assert_eq!(app.profile("chosen by hand").await.status, 403);
}

#[actix_web::test]
async fn import_keeps_ids_and_clears_reset_tokens() {
    let app = on(&two_users()).start().await;
    assert_eq!(app.register("new@x.fr", "new_pwd").await.status, 201);
    assert_eq!(
        app.place
            .texts("SELECT id || ' ' || email AS value FROM users ORDER BY id"),
        ["1 blob@x.fr", "5 text@x.fr", "6 new@x.fr"]
    );
    let tokens = "SELECT reset_token AS value FROM users WHERE reset_token IS NOT NULL";
    assert!(app.place.texts(tokens).is_empty());
}

#[actix_web::test]
async fn truncated_python_password_logs_in_and_is_rehashed_whole() {
    let long = Row {
        hashed_password: blob(LONG_PWD),
        ..row(1, "long@x.fr")
    };
    let app = on(&[long]).start().await;
    let stored = "SELECT hashed_password AS value FROM users";
    assert_eq!(app.place.texts(stored), [LONG_PWD]);
    assert_eq!(app.log_in("long@x.fr", LONG).await.status, 200);
    eventually("a tagged hash", || {
        app.place.texts(stored)[0].starts_with("$bienvenue-1$2b$04$")
    });
    assert_eq!(app.log_in("long@x.fr", LONG).await.status, 200);
    let alike: String = LONG
        .chars()
        .take(72)
        .chain("and another end".chars())
        .collect();
    assert_eq!(app.log_in("long@x.fr", &alike).await.status, 401);
}

#[actix_web::test]
async fn imported_hash_of_a_lower_cost_is_rehashed_at_login() {
    let mut setup = Setup::new();
    flask::file(&setup.place, &two_users());
    setup.auth.passwords.bcrypt_cost = "5".parse::<BcryptCost>().unwrap();
    let app = setup.start().await;
    let stored = "SELECT hashed_password AS value FROM users WHERE id = 1";
    assert_eq!(app.log_in("blob@x.fr", "wrong").await.status, 401);
    assert_eq!(app.log_in("blob@x.fr", "blob_pwd").await.status, 200);
    eventually("a hash of cost 5", || {
        app.place.texts(stored)[0].starts_with("$2b$05$")
    });
    assert_eq!(app.log_in("blob@x.fr", "blob_pwd").await.status, 200);
    let other = "SELECT hashed_password AS value FROM users WHERE id = 5";
    assert_eq!(app.place.texts(other), [TEXT_PWD]);
}

#[actix_web::test]
async fn imported_password_without_a_bcrypt_hash_never_matches() {
    let stored = [
        text("SuperHashedPwd"),
        text(""),
        text("b'$2b$04$Fgu8PlALRJpJWH46L8.StuiI3Mb7YdIRo8u89gKUNmFqt26K8A4kW'"),
        text(BLOB_PWD.strip_suffix('W').unwrap()),
        "x'ff00fe'".to_owned(),
        "42".to_owned(),
    ];
    let emails: Vec<String> = (1..=stored.len()).map(|n| format!("{n}@x.fr")).collect();
    let rows: Vec<Row<'_>> = (1..)
        .zip(emails.iter().zip(stored))
        .map(|(id, (email, hashed_password))| Row {
            hashed_password,
            ..row(id, email)
        })
        .collect();
    let app = on(&rows).start().await;
    for email in &emails {
        for password in ["SuperHashedPwd", "blob_pwd", "42", "\u{fffd}"] {
            let answer = app.log_in(email, password).await;
            assert_eq!(answer.line(), r#"401 {"message":"invalid credentials"}"#);
        }
    }
}

#[actix_web::test]
async fn emails_that_could_not_be_registered_today_log_in() {
    let emails = [
        "no at sign",
        "BOB@X.FR",
        "two@at@x.fr",
        "  spaces@x.fr ",
        "É@x.fr",
        "o'neil",
    ];
    let rows: Vec<Row<'_>> = (1..).zip(emails).map(|(id, e)| row(id, e)).collect();
    let app = on(&rows).start().await;
    for email in emails {
        let session_id = app.log_in(email, "blob_pwd").await.session_id();
        let profile = app.profile(&session_id).await;
        assert_eq!(profile.json()["email"], email, "as it was written");
    }
    assert_eq!(app.log_in("bob@x.fr", "blob_pwd").await.status, 200);
    assert_eq!(app.register("é@X.fr", "new_pwd").await.status, 400);
}

#[actix_web::test]
async fn import_takes_more_users_than_fit_in_memory() {
    let setup = Setup::new();
    crowd(&setup.place, 2500);
    let app = setup.start().await;
    let counts =
        "SELECT (SELECT count(*) FROM users) || ' ' || (SELECT count(*) FROM sessions) AS value";
    assert_eq!(app.place.texts(counts), ["2500 2500"]);
    for user in [1, 1000, 1001, 2000, 2001, 2500] {
        let profile = app.profile(&crowd_session(user)).await;
        assert_eq!(profile.json()["email"], format!("user{user}@x.fr"));
    }
}

#[actix_web::test]
async fn import_keeps_other_tables_that_refer_to_users() {
    let setup = Setup::new();
    flask::file(&setup.place, &two_users());
    setup.place.sql(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, body TEXT,
             FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE);
         INSERT INTO posts VALUES (1, 5, 'kept'), (2, 1, 'kept too');
         CREATE VIEW authors AS SELECT email FROM users JOIN posts ON posts.user_id = users.id;",
    );
    let app = setup.start().await;
    assert_eq!(
        app.place.texts("SELECT body AS value FROM posts"),
        ["kept", "kept too"]
    );
    assert_eq!(
        app.place
            .texts("SELECT email AS value FROM authors ORDER BY email"),
        ["blob@x.fr", "text@x.fr"]
    );
    let broken = "SELECT \"table\" AS value FROM pragma_foreign_key_check";
    assert!(app.place.texts(broken).is_empty());
}

#[actix_web::test]
async fn second_start_imports_nothing() {
    let app = on(&two_users()).start().await;
    let rows = "SELECT id || email || hashed_password || coalesce(session_id, '') AS value FROM users ORDER BY id";
    let before = app.place.texts(rows);
    let place = Rc::clone(&app.place);
    drop(app);
    let again = Setup {
        place: Rc::clone(&place),
        ..Setup::new()
    };
    let app = again.start().await;
    assert_eq!(app.place.texts(rows), before);
    assert_eq!(copies(place.folder()), ["bienvenue.db.before-adoption"]);
    assert_eq!(app.profile(BLOB_SESSION).await.status, 200);
}

#[test]
fn import_leaves_a_backup_that_only_its_owner_reads() {
    let place = Place::new();
    flask::file(&place, &two_users());
    let mut server = Server::start(&place);
    let told = server.wait_for("imported 2 users, 2 of them logged in");
    assert!(told.contains("bienvenue.db.before-adoption"), "{told}");
    assert!(told.contains("session ids"), "{told}");
    let copy = place.path("bienvenue.db.before-adoption");
    let mode = std::fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        texts(
            &copy,
            "SELECT id || email || typeof(hashed_password) || CAST(hashed_password AS TEXT) || session_id
                 || coalesce(reset_token, '') AS value FROM users ORDER BY id"
        ),
        [
            format!("1blob@x.frblob{BLOB_PWD}{BLOB_SESSION}"),
            format!("5text@x.frtext{TEXT_PWD}{TEXT_SESSION}{RESET_TOKEN}"),
        ]
    );
    let schema = "SELECT sql AS value FROM sqlite_master";
    assert_eq!(texts(&copy, schema), [DDL]);
}

/// Serves the file once, to a clean stop, and looks for the secrets in its bytes.
fn forgets_session_ids_and_tokens(place: &Place) {
    let file = place.path("bienvenue.db");
    let secrets = [BLOB_SESSION, TEXT_SESSION, RESET_TOKEN];
    assert!(secrets.iter().all(|secret| holds(&file, secret)));
    let mut server = Server::start(place);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    without_log(&file);
    for secret in secrets {
        assert!(!holds(&file, secret), "{secret} is still in the file");
    }
}

#[test]
fn no_legacy_secret_is_in_the_file_after_a_clean_stop() {
    let place = Place::new();
    flask::file(&place, &two_users());
    forgets_session_ids_and_tokens(&place);
}

#[test]
fn no_legacy_secret_is_in_pages_of_deleted_users() {
    let place = Place::new();
    flask::file(&place, &two_users());
    place.sql(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
         INSERT INTO users SELECT 100 + i, 'gone' || i, {}, '{BLOB_SESSION}', '{RESET_TOKEN}' FROM n;
         DELETE FROM users WHERE id > 100;",
        blob(BLOB_PWD)
    ));
    forgets_session_ids_and_tokens(&place);
}
