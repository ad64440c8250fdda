//! The stable codes of errors, in the header `Bienvenue-Error`.

use std::collections::BTreeSet;

use actix_web::http::Method;
use actix_web::test::TestRequest;

use crate::support::app::{Setup, app};

#[actix_web::test]
async fn each_error_has_its_code_in_a_header() {
    let app = app().await;
    app.register("bob@x.fr", "bob_pwd").await;
    let form = "application/x-www-form-urlencoded";
    let cases = [
        (
            Method::POST,
            "/users",
            form,
            "email=bob@x.fr&password=p",
            "email_taken",
        ),
        (
            Method::POST,
            "/users",
            form,
            "email=bob&password=p",
            "invalid_email",
        ),
        (
            Method::POST,
            "/users",
            form,
            "email=eve@x.fr",
            "missing_field",
        ),
        (
            Method::POST,
            "/users",
            form,
            "email=a&email=b&password=p",
            "duplicate_field",
        ),
        (
            Method::POST,
            "/users",
            form,
            "email=%ff&password=p",
            "malformed_body",
        ),
        (
            Method::POST,
            "/users",
            "text/plain",
            "",
            "unsupported_media_type",
        ),
        (
            Method::POST,
            "/sessions",
            form,
            "email=bob@x.fr&password=p",
            "invalid_credentials",
        ),
        (
            Method::POST,
            "/sessions",
            form,
            "email=bob@x.fr&password=%00",
            "invalid_password",
        ),
        (Method::GET, "/profile", form, "", "not_logged_in"),
        (Method::GET, "/verify", form, "", "not_logged_in"),
        (
            Method::DELETE,
            "/sessions?scope=nix",
            form,
            "",
            "not_logged_in",
        ),
        (
            Method::PUT,
            "/reset_password",
            form,
            "email=bob@x.fr&reset_token=x&new_password=p",
            "invalid_reset_token",
        ),
        (
            Method::PUT,
            "/verify_email",
            form,
            "token=x",
            "invalid_token",
        ),
        (Method::GET, "/nix", form, "", "not_found"),
        (Method::PUT, "/users", form, "", "method_not_allowed"),
    ];
    for (method, path, kind, body, code) in cases {
        let request = TestRequest::with_uri(path)
            .method(method)
            .insert_header(("Content-Type", kind))
            .set_payload(body);
        let answer = app.send(request).await;
        assert_eq!(
            answer.header("bienvenue-error"),
            Some(code),
            "{path} {body}"
        );
    }
    assert_eq!(
        app.log_in("bob@x.fr", "bob_pwd")
            .await
            .header("bienvenue-error"),
        None
    );
}

/// `docs/api.md` lists the codes that the code has, and no others.
#[test]
fn each_code_is_in_the_docs() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let api = std::fs::read_to_string(root.join("docs/api.md")).unwrap();
    let (_, errors) = api.split_once("\n## Errors\n").unwrap();
    let (errors, _) = errors.split_once("\n## ").unwrap();
    let rows = errors.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: BTreeSet<&str> = rows.map(|row| row.split('`').next().unwrap()).collect();
    let sources = [
        "http/error.rs",
        "http/form_error.rs",
        "http/resource.rs",
        "auth/password_error.rs",
    ];
    let sources = sources.map(|file| std::fs::read_to_string(root.join("src").join(file)).unwrap());
    let sources = sources.concat();
    let texts: BTreeSet<&str> = sources.split('"').skip(1).step_by(2).collect();
    for code in &listed {
        assert!(texts.contains(code), "{code}");
    }
    // A text of lower-case words and `_` is a code; two codes are one word.
    let is_code = |text: &&str| {
        let is_words = text.contains('_') || ["overloaded", "unavailable"].contains(text);
        is_words && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let missing: Vec<&str> = texts
        .difference(&listed)
        .copied()
        .filter(|text| is_code(text))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[actix_web::test]
async fn problem_names_every_field_at_fault() {
    let mut setup = Setup::new();
    setup.auth.passwords.password_min_length = 8.into();
    let app = setup.start().await;
    app.register("bob@x.fr", "a long password").await;
    let session = app.log_in("bob@x.fr", "a long password").await.session_id();
    let fields = |problem: serde_json::Value| -> Vec<(String, String)> {
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let pair = |error: &serde_json::Value| (text(&error["field"]), text(&error["code"]));
        errors.iter().map(pair).collect()
    };
    for (route, body, first, expected) in [
        (
            "POST /users",
            "",
            "email missing",
            &[("email", "missing_field"), ("password", "missing_field")][..],
        ),
        (
            "POST /sessions",
            "email=bob@x.fr",
            "password missing",
            &[("password", "missing_field")],
        ),
        (
            "POST /users",
            "email=bob&password=a%00b",
            "",
            &[("email", "invalid_email"), ("password", "invalid_password")],
        ),
        // A missing field hides no other; it is named first, whatever the order.
        (
            "POST /users",
            "email=bob",
            "password missing",
            &[("password", "missing_field"), ("email", "invalid_email")],
        ),
        (
            "POST /sessions",
            "password=a%00b",
            "email missing",
            &[("email", "missing_field"), ("password", "invalid_password")],
        ),
        // The password policy too.
        (
            "POST /users",
            "email=bob&password=short",
            "",
            &[
                ("email", "invalid_email"),
                ("password", "password_too_short"),
            ],
        ),
        (
            "PUT /profile/password",
            "new_password=short",
            "current_password missing",
            &[
                ("current_password", "missing_field"),
                ("new_password", "password_too_short"),
            ],
        ),
        (
            "PUT /profile/email",
            "email=bob",
            "current_password missing",
            &[
                ("current_password", "missing_field"),
                ("email", "invalid_email"),
            ],
        ),
        (
            "PUT /reset_password",
            "email=a%00b&new_password=short",
            "reset_token missing",
            &[
                ("reset_token", "missing_field"),
                ("email", "invalid_email"),
                ("new_password", "password_too_short"),
            ],
        ),
        (
            "DELETE /account/totp",
            "",
            "current_password missing",
            &[
                ("current_password", "missing_field"),
                ("otp", "missing_field"),
            ],
        ),
        (
            "POST /account/passkeys",
            "name=%00",
            "credential missing",
            &[
                ("credential", "missing_field"),
                ("name", "invalid_passkey_name"),
            ],
        ),
    ] {
        let (method, path) = route.split_once(' ').unwrap();
        let request = || {
            TestRequest::with_uri(path)
                .method(method.parse().unwrap())
                .insert_header(("Cookie", format!("session_id={session}")))
                .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
                .set_payload(body)
        };
        let plain = app.send(request()).await;
        let problem = request().insert_header(("Accept", "application/problem+json"));
        let problem = app.send(problem).await.json();
        // The contract names the first one alone.
        assert_eq!(plain.json()["message"], problem["detail"]);
        assert!(first.is_empty() || problem["detail"] == first, "{problem}");
        assert_eq!(problem["field"], expected[0].0);
        let expected: Vec<_> = expected
            .iter()
            .map(|(field, code)| ((*field).to_owned(), (*code).to_owned()))
            .collect();
        assert_eq!(fields(problem), expected, "{route} {body}");
    }
}
