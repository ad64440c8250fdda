//! Values of clients add no line to the log and no control character.

use super::{FORM, logging, send};
use crate::support::Place;

/// Texts that would end a line, begin a false one, or control a terminal, in every spelling.
const POISON: [&str; 7] = [
    "x%0d%0a[2026-11-23T00:00:00.000Z INFO forged] y",
    "x\r[2026-11-23T00:00:00.000Z INFO forged] y",
    "x\u{1b}[31mforged\u{1b}[0m",
    "x%1b%5b31mforged",
    "x\u{9b}31mforged",
    "x\u{2028}forged\u{2029}",
    "x\"},{\"forged\":\"y",
];

#[test]
fn r74_client_input_cannot_forge_a_line_or_control_a_terminal() {
    for format in ["text", "json"] {
        let place = Place::new();
        let mut server = logging(&place, format, Some("trace"));
        for poison in POISON {
            send(&server, &format!("GET /{poison}"), "", "");
            send(&server, &format!("GET /profile?{poison}"), "", "");
            send(&server, &format!("{poison} /"), "", "");
            for header in [
                "User-Agent",
                "X-Request-Id",
                "Cookie",
                "Content-Type",
                "Host",
            ] {
                send(
                    &server,
                    "POST /sessions",
                    &format!("{header}: {poison}"),
                    "",
                );
            }
            let fields = format!("email={poison}@x.fr&password={poison}&{poison}={poison}");
            for path in ["/users", "/sessions"] {
                send(&server, &format!("POST {path}"), FORM, &fields);
            }
        }
        server.signal("TERM");
        server.wait();
        let log = server.whole_log();
        for line in log.lines() {
            let control = |c: char| c.is_control() || ['\u{2028}', '\u{2029}'].contains(&c);
            assert!(!line.contains(control), "{line:?}");
            if format == "json" {
                let object: serde_json::Value = serde_json::from_str(line).expect(line);
                assert!(object["forged"].is_null(), "{line}");
            } else {
                assert!(line.starts_with("[20"), "{line}");
                assert!(!line.starts_with("[2026-11-23T00:00:00.000Z"), "{line}");
            }
        }
    }
}
