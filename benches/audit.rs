//! Measures the audit table: what a row costs, and the check of a million rows.
//!
//! `cargo bench --bench audit` appends the rows to a SQLite file, which is most of its time.
//! `AUDIT_ROWS` sets another number of rows.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops if its setup fails")]

use std::time::Instant;

use bienvenue::db::{DB, DbSettings};
use bienvenue::domain::{Actor, AuditDetails, DatabaseUrl, Email, HashedPassword, NewAuditEvent};

const ROWS: u32 = 1_000_000;

/// As many as the service appends in one transaction.
const BATCH: u32 = 500;

fn main() {
    let rows = std::env::var("AUDIT_ROWS").map_or(ROWS, |rows| rows.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::sqlite(folder.path().join("bench.db"));
    let db = DB::open(&url, DbSettings::default()).unwrap();
    let email = Email::parse("user@example.org").unwrap();
    let user = db.add_user(&email, &HashedPassword::unusable()).unwrap();
    let event = NewAuditEvent {
        at: db.clock().now(),
        event: "authn_login_success",
        user_id: Some(user.id),
        actor: Actor::Client,
        details: AuditDetails {
            outcome: Some("success".to_owned()),
            ip: Some("2001:db8::1".to_owned()),
            user_agent: Some(
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(),
            ),
            session: Some("0123abcd".to_owned()),
            request_id: Some("4494e902fab0-1".to_owned()),
            ..AuditDetails::default()
        },
    };
    let batch = vec![event; BATCH as usize];
    let begun = Instant::now();
    for _ in 0..rows / BATCH {
        db.append_audit_events(&batch).unwrap();
    }
    let each = begun.elapsed().as_secs_f64() * 1e6 / f64::from(rows);
    println!("append, in batches of {BATCH}: {each:.1} us a row");
    for _ in 0..3 {
        let begun = Instant::now();
        let report = db.check_audit_chain(None, Vec::new(), |_| {}).unwrap();
        assert!(
            report.is_intact() && report.last == i64::from(rows),
            "{report:?}"
        );
        let seconds = begun.elapsed().as_secs_f64();
        println!("check of {rows} rows: {seconds:.2} s");
    }
}
