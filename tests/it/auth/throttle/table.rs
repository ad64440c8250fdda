//! The table of limits: it keeps its cap, evicts no limit that counts, and is never read whole.

use std::num::NonZeroU32;

use bienvenue::auth::{Auth, AuthSettings, Inline, ThrottleSettings};
use bienvenue::db::{DB, LimitCheck};
use bienvenue::domain::{Client, Clock, Limit, LimitKey, LimitRule};
use diesel::prelude::*;
use diesel::sql_types::Text;
use pollster::block_on;
use rstest::rstest;

use crate::support::app::quick;
use crate::support::statements::Statements;
use crate::support::{Engine, Other, Place, START, email, eventually, password, settings};

const BOB: &str = "bob@dylan.com";

/// SQL for both engines that adds rows which a flood of reset requests would leave.
fn flood(first: u32, last: u32) -> String {
    let next_at = START.seconds() + 3600;
    format!(
        "WITH RECURSIVE c (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM c WHERE n < {last}) \
         INSERT INTO throttle (key, fails, next_at, purge_at) SELECT 'mail/password_reset/' || CAST(n AS TEXT), 1, \
         {next_at} + n, {next_at} + n FROM c;"
    )
}

fn rows(place: &Place) -> usize {
    let count = place.texts("SELECT CAST(count(*) AS TEXT) AS value FROM throttle");
    count[0].parse().unwrap()
}

fn throttling(db: &DB, cap: u32) -> Auth {
    let throttle = ThrottleSettings {
        throttle_rows: NonZeroU32::new(cap).unwrap(),
        ..ThrottleSettings::default()
    };
    let settings = AuthSettings {
        throttle,
        ..quick()
    };
    Auth::new(db.clone(), settings).unwrap()
}

#[derive(QueryableByName)]
struct SqliteStep {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct PostgresLine {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

/// The steps of a statement's plan that read the table of limits without a key and a bound.
fn whole_reads(place: &Place, statement: &str) -> Vec<String> {
    let bounded = statement.contains("LIMIT");
    match place.connect() {
        Other::Sqlite(mut conn) => {
            let plan = diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}"));
            let steps: Vec<SqliteStep> = plan.load(&mut conn).unwrap();
            let whole = |step: &String| {
                step.contains("SCAN throttle") && !bounded || step.contains("TEMP B-TREE")
            };
            let steps = steps.into_iter().map(|step| step.detail);
            steps.filter(whole).collect()
        }
        Other::Postgres(mut conn) => {
            let parameters = (1..1000).take_while(|n| statement.contains(&format!("${n}")));
            let parameters = vec!["NULL"; parameters.count()].join(", ");
            let call = format!("EXPLAIN EXECUTE it ({parameters})").replace(" ()", "");
            let prepare =
                format!("SET plan_cache_mode = force_generic_plan; PREPARE it AS {statement}");
            diesel::connection::SimpleConnection::batch_execute(&mut conn, &prepare).unwrap();
            let lines: Vec<PostgresLine> = diesel::sql_query(call).load(&mut conn).unwrap();
            let lines = lines.into_iter().map(|line| line.line);
            lines
                .filter(|line| line.contains("Seq Scan on throttle"))
                .collect()
        }
    }
}

#[rstest]
fn listed_limits_find_their_accounts_by_id(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let statements = Statements::to(&place);
    let db = place.open(settings(&Clock::set_to(START)));
    let auth = throttling(&db, 1_000_000);
    for who in [BOB, "eve@dylan.com"] {
        auth.register_user(&email(who), &password("a_pwd")).unwrap();
    }
    let log_in = |who| {
        block_on(auth.log_in(
            &Inline,
            &email(who),
            password("x"),
            None,
            &Client::default(),
        ))
    };
    for who in ["none@dylan.com", BOB] {
        assert!(log_in(who).is_err());
    }
    let listed = || {
        let listed = db.limits(None, 100).unwrap();
        let of_accounts = listed
            .into_iter()
            .filter(|listed| listed.row.key.limit() == Limit::Account);
        let mut emails: Vec<_> = of_accounts.map(|listed| listed.email).collect();
        emails.sort_by_key(|email| email.as_ref().map(|email| email.as_str().to_owned()));
        emails
    };
    drop(statements.of_requests());
    assert_eq!(listed(), [None, Some(email(BOB))]);
    let sent = statements.of_requests();
    let of_users: Vec<_> = sent.iter().filter(|it| it.contains("users")).collect();
    assert_eq!((sent.len(), of_users.len()), (2, 1), "{sent:#?}");
    assert!(
        of_users[0].contains("WHERE (\"users\".\"id\"")
            || of_users[0].contains("WHERE (`users`.`id`"),
        "{sent:#?}"
    );

    // An address that gets an account later is known from the next attempt on.
    auth.register_user(&email("none@dylan.com"), &password("a_pwd"))
        .unwrap();
    assert_eq!(listed(), [None, Some(email(BOB))]);
    assert!(log_in("none@dylan.com").is_err());
    assert_eq!(listed(), [Some(email(BOB)), Some(email("none@dylan.com"))]);
    // The count of an address that the account no longer has.
    place.sql(
        "UPDATE users SET email = 'b@x.fr', email_key = 'b@x.fr' WHERE email_key = 'bob@dylan.com'",
    );
    assert_eq!(listed(), [None, Some(email("none@dylan.com"))]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn no_statement_reads_all_limits(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let statements = Statements::to(&place);
    let clock = Clock::set_to(START);
    let db = place.open(settings(&clock));
    let auth = throttling(&db, 1_000_000);
    place.sql(&flood(1, 20_000));
    place.sql("ANALYZE throttle");
    drop(statements.of_requests());

    let address = bienvenue::domain::ClientIp::new("192.0.2.7".parse().unwrap());
    let client = Client::new(Some(address), None);
    let bob = email(BOB);
    let registration = auth.register(&Inline, &bob, password("bob_pwd"), &client);
    block_on(registration).unwrap();
    let log_in = |text| block_on(auth.log_in(&Inline, &bob, password(text), None, &client)).is_ok();
    assert!(!log_in("wrong"));
    assert!(log_in("bob_pwd"));
    assert!(!log_in("wrong"));
    block_on(auth.request_reset(&Inline, &bob, &client)).unwrap();
    let token = auth.get_reset_password_token(&bob).unwrap();
    auth.update_password(&token, &password("a new one"))
        .unwrap();
    auth.clear_limits(&bob).unwrap();
    db.limits(None, 100).unwrap();
    db.limit_behind(None, 1000).unwrap();
    db.remove_surplus_limits(10).unwrap();
    clock.advance(std::time::Duration::from_secs(8000));
    assert_eq!(db.remove_expired_limits(10).unwrap(), 10);

    let mut sent = statements.of_requests();
    sent.sort();
    sent.dedup();
    sent.retain(|statement| statement.contains("throttle"));
    assert!(sent.len() > 8, "{sent:#?}");
    for statement in sent {
        assert_eq!(whole_reads(&place, &statement), [""; 0], "{statement}");
    }
}

/// The order of keys is that of their bytes, or a range would not be the keys of one account.
#[test]
fn keys_are_ordered_by_bytes_in_any_language() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    drop(place.open(settings(&Clock::set_to(START))));
    let collation = "SELECT collation_name::text AS value FROM information_schema.columns \
                     WHERE table_name = 'throttle' AND column_name = 'key'";
    assert_eq!(place.texts(collation), ["C"]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn forgetting_an_account_leaves_all_other_keys(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = place.open(settings(&Clock::set_to(START)));
    let (bob, eve) = (email(BOB).key(), email("eve@dylan.com").key());
    let of = |key: LimitKey| LimitCheck {
        key,
        rule: LimitRule::Backoff(ThrottleSettings::default().known()),
    };
    let bobs = [
        LimitKey::account(&bob),
        LimitKey::known(&bob, "192.0.2.7/32"),
        LimitKey::known(&bob, "ffff"),
    ];
    let others = [LimitKey::account(&eve), LimitKey::known(&eve, "ffff")];
    for key in bobs.iter().chain(&others) {
        db.count_attempt(&[of(key.clone())]).unwrap().unwrap();
    }
    assert_eq!(db.clear_limits_for(&bob).unwrap(), 3);
    let left = db.limit_rows(&others.iter().collect::<Vec<_>>());
    assert_eq!((left.unwrap().len(), rows(&place)), (2, 2));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn a_flood_evicts_itself_and_no_limit_of_others(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let clock = Clock::set_to(START);
    let db = place.open(settings(&clock));
    let limits = ThrottleSettings::default();
    let address = bienvenue::domain::ClientIp::new("192.0.2.7".parse().unwrap());
    let victim = LimitCheck {
        key: LimitKey::account(&email(BOB).key()),
        rule: LimitRule::Backoff(limits.account()),
    };
    let attacker = LimitCheck {
        key: LimitKey::of_clients(Limit::Address, &address.network()),
        rule: LimitRule::Rate(limits.throttle_address),
    };
    for charge in [&victim, &attacker] {
        while db
            .count_attempt(std::slice::from_ref(charge))
            .unwrap()
            .is_ok()
        {}
    }
    // Later than both, and none of it is due before an hour.
    place.sql(&flood(1, 3000));
    let auth = throttling(&db, 1000);
    let room = 1000 + 100; // counted in steps of a tenth
    eventually("the table keeps its cap", || rows(&place) < room);
    place.sql(&flood(3001, 5000));
    eventually("it keeps it again", || rows(&place) < room);
    drop(auth);
    assert!(rows(&place) >= 900, "{} rows", rows(&place));
    let kept = db.limit_rows(&[&victim.key, &attacker.key]).unwrap();
    let fails: Vec<u32> = kept.iter().map(|row| row.fails).collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(fails.contains(&5) && fails.contains(&20), "{fails:?}");
}
