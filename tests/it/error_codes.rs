//! The stable codes of errors, in the header `Bienvenue-Error`.

use actix_web::http::Method;
use actix_web::test::TestRequest;

use crate::support::app::app;

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

/// The README lists the codes that the code has.
#[test]
fn each_code_is_in_the_readme() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let (_, listed) = readme.split_once("`Bienvenue-Error`:").unwrap();
    let (listed, _) = listed.split_once(".\n").unwrap();
    let listed: Vec<&str> = listed.split('`').skip(1).step_by(2).collect();
    let sources = [
        "http/error.rs",
        "http/extract/form/mod.rs",
        "http/response.rs",
        "http/resource.rs",
        "auth/settings.rs",
    ];
    let sources = sources.map(|file| std::fs::read_to_string(root.join("src").join(file)).unwrap());
    let sources = sources.concat();
    assert_eq!(listed.len(), 34);
    for code in listed {
        assert!(sources.contains(&format!("\"{code}\"")), "{code}");
    }
}
