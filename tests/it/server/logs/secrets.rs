//! No secret appears in a log.

use super::{FORM, logging, send};
use crate::support::Place;

/// Secrets that must never be in a log. Each contains `s3cret`, and a name for the failure.
const PASSWORD: &str = "s3cret-password";

/// Every route, every verb, and secrets wherever a client can put one.
fn everything_with_secrets(server: &crate::support::program::Server) {
    let paths = [
        "/",
        "/users",
        "/sessions",
        "/profile",
        "/healthz",
        "/readyz",
    ];
    let bodies = [
        format!("email=bob@x.fr&password={PASSWORD}"),
        format!("email=bob@x.fr&password={PASSWORD}-wrong"),
        // A user who confuses the two fields.
        format!("email={PASSWORD}&password=bob@x.fr"),
        format!("email={PASSWORD}@x.fr&password=x"),
        "s3cret-name=1&s3cret-name=2&email=a@x.fr&password=b".to_owned(),
        "email=s3cret%00@x.fr&password=s3cret%00".to_owned(),
        format!("email=bob@x.fr&password={}", "s3cret".repeat(300)),
        "s3cret%ff=%ff".to_owned(),
    ];
    let headers = format!(
        "{FORM}\r\nCookie: session_id=s3cret-cookie; s3cret=1\r\n\
         Authorization: Bearer s3cret-bearer\r\nUser-Agent: s3cret-agent\r\n\
         Referer: https://x/?s3cret-referer\r\nX-Request-Id: s3cret id\r\n\
         X-S3cret: s3cret-header"
    );
    // The origin of a page that is refused is logged on purpose, and nothing else of its request.
    let foreign = format!("{headers}\r\nOrigin: https://evil.example");
    let query = "token=s3cret-query&s3cret-key";
    for path in paths {
        for verb in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "S3CRET"] {
            send(server, &format!("{verb} {path}?{query}"), &headers, "");
        }
    }
    for path in ["/users", "/sessions"] {
        for body in &bodies {
            send(server, &format!("POST {path}?{query}"), &headers, body);
            send(server, &format!("POST {path}?{query}"), &foreign, body);
        }
    }
    for path in ["/s3cret-path", "/users/s3cret", "/%73s3cret", "/../s3cret"] {
        send(server, &format!("GET {path}"), "", "");
    }
    let boundary = "multipart/form-data; boundary=s3cret-boundary";
    for part in [
        "name=\"password\"",
        "name=\"s3cret-name\"; filename=\"s3cret-file\"",
    ] {
        let body = format!(
            "--s3cret-boundary\r\nContent-Disposition: form-data; {part}\r\n\r\ns3cret\r\n--s3cret-boundary--\r\n"
        );
        send(
            server,
            "POST /users",
            &format!("Content-Type: {boundary}"),
            &body,
        );
    }
    send(server, "POST /users", "Content-Type: text/s3cret", "s3cret");
}

#[test]
fn r72_no_secret_from_any_part_of_a_request_is_logged() {
    for format in ["text", "json"] {
        let place = Place::new();
        let mut server = logging(&place, format, Some("info,bienvenue=trace"));
        everything_with_secrets(&server);
        let right = format!("email=bob@x.fr&password={PASSWORD}");
        let login = send(&server, "POST /sessions", FORM, &right);
        let id = login.split("\"session_id\":\"").nth(1).unwrap();
        let id = id.split('"').next().unwrap().to_owned();
        for line in ["GET /profile", "DELETE /sessions"] {
            let answer = send(&server, line, &format!("Cookie: session_id={id}"), "");
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        let stored = place.texts("SELECT hashed_password AS value FROM users");
        server.signal("TERM");
        server.wait();
        let log = server.whole_log();
        assert!(log.contains("authn_login_success"), "{log}");
        let known = [id.as_str(), &id[..8], "$2b$04$", &stored[0], "bob@x.fr"];
        for secret in known {
            let line = log.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} is in the log");
        }
        let marked = |line: &&str| line.to_ascii_lowercase().contains("s3cret");
        assert_eq!(log.lines().find(marked), None);
    }
}
