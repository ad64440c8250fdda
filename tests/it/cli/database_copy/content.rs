//! What a copy carries: every column of every table, and a chain of audit events that is still valid.

use serde_json::{Value, json};

use super::{command, copy, tables};
use crate::support::program::{Server, finish, told};
use crate::support::{Engine, Place};

/// At least one row in every table, with the limits of numbers, and with bytes and texts that are
/// hard to carry.
pub(super) const ROWS: &str = r#"
    INSERT INTO users (id, email, email_key, hashed_password) VALUES
        (1, 'Ann "quoted" \ é@x.fr', 'ann', '$2b$'), (9, 'bob@x.fr', 'bob', '!');
    INSERT INTO account_dates (user_id, created_at, disabled_at, language) VALUES (1, 5, 6, 'fr');
    INSERT INTO groups (name) VALUES ('staff');
    INSERT INTO group_members (user_id, group_name) VALUES (1, 'staff');
    INSERT INTO apps (name, origin, second_factor) VALUES ('wiki', 'https://wiki.x.fr', 1);
    INSERT INTO app_groups (app_name, group_name) VALUES ('wiki', 'staff');
    INSERT INTO throttle (key, fails, next_at, purge_at) VALUES ('k', 3, 9223372036854775807, -5);
    INSERT INTO foreign_hashes (parameters) VALUES ('p');
    INSERT INTO known_clients (user_id, mark, succeeded_at, expires_at) VALUES (1, 'm', 2, 3);
    INSERT INTO verified_emails (user_id, email_key, verified_at) VALUES (1, 'ann', 9);
    INSERT INTO outbox (user_id, letter, created_at, due_at, attempts, claimed_until, has_token, priority)
        VALUES (1, '{"a": null}', 1, 2, 0, 0, 0, 1), (NULL, 'a' || char(10) || char(9), 1, 2, 0, 0, 0, 1);
    INSERT INTO email_tokens (digest, user_id, purpose, created_at, expires_at)
        VALUES ('d', 1, 'verify', 1, 2);
    INSERT INTO sessions (digest, public_id, user_id, email, created_at, last_seen_at, expires_at,
        cleanup_at, ip, user_agent, level)
        VALUES (x'00ff27', x'5c22', 1, 'ann', 1, 2, 3, 4, '::1', NULL, 2);
    INSERT INTO ended_sessions (digest, user_id, reason, ended_at) VALUES (x'00fe', 1, 'idle', 1);
    INSERT INTO app_sessions (digest, app_name, session_digest, created_at)
        VALUES (x'01', 'wiki', x'00ff27', 1);
    INSERT INTO hand_over_codes (digest, app_name, session_digest, state, created_at, expires_at)
        VALUES (x'02', 'wiki', x'00ff27', x'', 1, 2);
    INSERT INTO audit_chain (id, position, digest, start_digest) VALUES (1, 1, x'aa', x'bb');
    INSERT INTO audit_events (position, at, event, user_id, actor, details, salt, content_digest, digest)
        VALUES (1, 1, 'e', 1, 'client', '{"ip":"::1"}', x'00', x'cc', x'aa');
    INSERT INTO factor_changes (user_id, kind, email, changed_at) VALUES (1, 'totp_added', 'ann', 1);
    INSERT INTO former_emails (user_id, email, email_key, changed_at, expires_at, reserved)
        VALUES (1, 'old', 'old', 1, 2, 3);
    INSERT INTO invitations (digest, email, group_name, created_at, expires_at)
        VALUES (x'03', NULL, 'staff', 1, 2);
    INSERT INTO passkeys (user_id, rp_id, credential_id, user_handle, public_key, sign_count,
        backup_eligible, backed_up, transports, name, created_at)
        VALUES (1, 'x.fr', x'04', x'05', x'06', 4294967295, 1, 0, 'usb', 'Schlüssel', 1);
    INSERT INTO passkey_challenges (digest, purpose, client, created_at, expires_at)
        VALUES (x'07', 1, x'08', 1, 2);
    INSERT INTO password_resets (user_id, digest, created_at, expires_at, mailed)
        VALUES (1, 'd', 1, 2, 3);
    INSERT INTO pending_logins (digest, user_id, client, created_at, expires_at)
        VALUES (x'09', 1, x'0a', 1, 2);
    INSERT INTO recovery_codes (user_id, digest, created_at) VALUES (1, x'0b', 1);
    INSERT INTO secret_key_check (id, sealed) VALUES (1, x'0c');
    INSERT INTO totp (user_id, secret, created_at, confirmed_at, last_step) VALUES (1, x'0d', 1, 2, 3);
"#;

/// Every row of a table of a SQLite file, with types and bytes.
pub(super) fn rows(place: &Place, table: &str) -> Vec<String> {
    let columns = place.texts(&format!(
        "SELECT 'quote(\"' || name || '\")' AS value FROM pragma_table_info('{table}')"
    ));
    let columns = columns.join(" || ',' || ");
    let mut rows = place.texts(&format!("SELECT {columns} AS value FROM \"{table}\""));
    rows.sort();
    rows
}

#[test]
fn every_row_is_the_same_after_a_copy_there_and_back() {
    let (Some(from), Some(there), Some(back)) = (
        Place::on(Engine::Sqlite),
        Place::on(Engine::Postgres),
        Place::on(Engine::Sqlite),
    ) else {
        return;
    };
    assert!(finish(command(&from, &["db", "migrate"])).status.success());
    from.sql(ROWS);
    for (from, to) in [(&from, &there), (&there, &back)] {
        let copied = copy(from, to);
        assert!(copied.status.success(), "{}", told(&copied));
        // The row of the copy itself.
        to.sql("DELETE FROM audit_events WHERE event = 'database_copied'");
        to.sql("UPDATE audit_chain SET position = 1");
    }
    for table in tables(&from) {
        let mut expected = rows(&from, &table);
        assert!(!expected.is_empty(), "ROWS has no row of {table}");
        let mut copied = rows(&back, &table);
        if table == "audit_chain" {
            // The copy's own row has moved the head.
            for rows in [&mut expected, &mut copied] {
                *rows = vec![rows[0].rsplit(',').next().unwrap().to_owned()];
            }
        }
        assert_eq!(copied, expected, "{table}");
    }
}

#[test]
fn users_stay_logged_in_after_a_copy() {
    let (Some(from), Some(to)) = (Place::on(Engine::Sqlite), Place::on(Engine::Postgres)) else {
        return;
    };
    let serve = |place: &Place| {
        Server::spawn(command(
            place,
            &["--bind", "127.0.0.1:0", "--bcrypt-cost", "4"],
        ))
    };
    let mut server = serve(&from);
    assert_eq!(server.register("ann@x.fr", "a password"), 201);
    let ended = server.session("ann@x.fr", "a password");
    let session = server.session("ann@x.fr", "a password");
    assert_eq!([&session, &ended].map(|id| server.profile(id)), [200, 403]);
    server.signal("TERM");
    assert!(server.wait().success());
    assert!(copy(&from, &to).status.success());
    let server = serve(&to);
    assert_eq!([&session, &ended].map(|id| server.profile(id)), [200, 403]);
    assert_eq!(server.log_in("ann@x.fr", "a password"), 200);
}

/// The report of `audit verify`, and its exit code.
fn verify(place: &Place, arguments: &[&str]) -> (Value, Option<i32>) {
    let verified = finish(command(
        place,
        &[&["audit", "verify", "--json"], arguments].concat(),
    ));
    let report = serde_json::from_slice(&verified.stdout);
    (
        report.unwrap_or_else(|_| panic!("{}", told(&verified))),
        verified.status.code(),
    )
}

#[test]
fn r104_audit_chain_is_valid_after_a_copy_there_and_back() {
    let (Some(from), Some(there), Some(back)) = (
        Place::on(Engine::Sqlite),
        Place::on(Engine::Postgres),
        Place::on(Engine::Sqlite),
    ) else {
        return;
    };
    assert!(finish(command(&from, &["db", "migrate"])).status.success());
    for email in ["ann@x.fr", "bob@x.fr", "eve@x.fr"] {
        let added = finish(command(&from, &["user", "add", email]));
        assert!(added.status.success(), "{}", told(&added));
    }
    // The content of the rows of a deleted user is erased, and their digests stay.
    let deleted = finish(command(&from, &["user", "delete", "bob@x.fr", "--yes"]));
    assert!(deleted.status.success(), "{}", told(&deleted));
    let (report, _) = verify(&from, &[]);
    let rows = report["rows"].as_i64().unwrap();
    let head = report["head"].as_str().unwrap().to_owned();
    assert!(rows >= 4, "{report}");
    for (nth, (from, to)) in [(&from, &there), (&there, &back)].into_iter().enumerate() {
        assert!(copy(from, to).status.success());
        // An email from before the copy still agrees, and the copy has a row of its own.
        let (report, code) = verify(to, &["--head", &head]);
        let fields = ["intact", "rows", "confirmed"].map(|key| &report[key]);
        let rows = rows + 1 + i64::try_from(nth).unwrap();
        assert_eq!((json!(fields), code), (json!([true, rows, 1]), Some(0)));
        let last = "SELECT event || ' by ' || actor AS value FROM audit_events \
                    ORDER BY position DESC LIMIT 1";
        assert_eq!(to.texts(last), ["database_copied by operator"]);
    }
    there.sql("UPDATE audit_events SET event = 'user_updated' WHERE position = 2");
    assert_eq!(verify(&there, &[]).1, Some(1));
}
