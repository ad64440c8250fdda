//! The service behind PgBouncer, in both of its modes.

use std::process::Command;
use std::thread;

use bienvenue::db::Pooler;
use reqwest::blocking::{Client, RequestBuilder};
use rstest::rstest;

use crate::support::harness::{Stand, Visitor};
use crate::support::pgbouncer::mode;
use crate::support::program::{Server, finish, told};

/// Runs tests again in a process of their own, whose services are behind a pooler.
fn run_tests(pooler: Pooler, filters: &[&str], least: usize) {
    // Also where it skips the test.
    let Some(_stand) = Stand::behind(pooler) else {
        return;
    };
    let output = Command::new(std::env::current_exe().unwrap())
        .args(filters)
        .args(["--skip", "Engine__Sqlite", "--test-threads", "2"])
        .env("TEST_POSTGRES_POOLER", mode(pooler))
        .env_remove("TEST_POSTGRES_URL")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}");
    let passed = printed.matches("... ok").count();
    println!("{} pooler: {passed} tests passed", mode(pooler));
    assert!(passed >= least, "{printed}");
}

#[rstest]
#[case(Pooler::Transaction)]
#[ignore = "long"]
#[case(Pooler::Session)]
fn the_storage_suite_passes_behind_pgbouncer(#[case] pooler: Pooler) {
    let filters = [
        "storage::",
        "mail_commands::reset_link_leads",
        "faults_postgres::instances::f13_",
    ];
    run_tests(pooler, &filters, 18);
}

#[rstest]
#[ignore = "long"]
fn the_use_cases_pass_behind_pgbouncer(
    #[values(Pooler::Session, Pooler::Transaction)] pooler: Pooler,
) {
    let filters = [
        "throttle::",
        "reset::",
        "emails::",
        "account",
        "conceal::",
        "model::",
        "cleanup::",
        "notices::",
        "faults_postgres::migrations::",
    ];
    run_tests(pooler, &filters, 100);
}

fn answer(request: RequestBuilder) -> String {
    let answer = request.send().unwrap();
    let status = answer.status().as_u16();
    format!("{status} {}", answer.text().unwrap().trim_end())
}

#[rstest]
fn the_contract_holds_behind_pgbouncer(
    #[values(Pooler::Off, Pooler::Session, Pooler::Transaction)] pooler: Pooler,
) {
    let Some(stand) = Stand::behind(pooler) else {
        return;
    };
    let server = stand.serve();
    let client = Client::new();
    let form = |password| [("email", "bob@dylan.com"), ("password", password)];
    let post = |path: &str, password| client.post(server.url(path)).form(&form(password));
    let log_in = |password| {
        let body = post("/sessions", password).send().unwrap().text().unwrap();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        format!("session_id={}", body["session_id"].as_str().unwrap())
    };
    let created = answer(post("/users", "bob_pwd"));
    let taken = answer(post("/users", "bob_pwd"));
    let wrong = answer(post("/sessions", "eve_pwd"));
    let cookie = log_in("bob_pwd");
    let profile = || answer(client.get(server.url("/profile")).header("Cookie", &cookie));
    let (own, nobodys) = (profile(), answer(client.get(server.url("/profile"))));
    let logout = client
        .delete(server.url("/sessions"))
        .header("Cookie", &cookie);
    logout.send().unwrap();
    let ended = profile();

    let arguments = [
        "user",
        "reset-link",
        "bob@dylan.com",
        "--reset-page=https://app.example.org/",
    ];
    let mut command = stand.program(&stand.service_url(), &[]);
    let link = finish({
        command.args(arguments);
        command
    });
    let link = String::from_utf8(link.stdout).unwrap();
    let token = link.trim_end().split("#token=").nth(1).unwrap();
    let reset = client.put(server.url("/reset_password")).form(&[
        ("email", "bob@dylan.com"),
        ("reset_token", token),
        ("new_password", "new_pwd"),
    ]);
    let reset = answer(reset);
    let old = answer(post("/sessions", "bob_pwd"));
    log_in("new_pwd");
    assert_eq!(
        [created, taken, wrong, own, nobodys, ended, reset, old],
        [
            r#"201 {"email":"bob@dylan.com","message":"user created"}"#,
            r#"400 {"message":"email already registered"}"#,
            r#"401 {"message":"invalid credentials"}"#,
            r#"200 {"email":"bob@dylan.com"}"#,
            "403 ",
            "403 ",
            r#"200 {"email":"bob@dylan.com","message":"Password updated"}"#,
            r#"401 {"message":"invalid credentials"}"#,
        ]
    );
}

#[rstest]
#[case::off_behind_a_pooler(
    Pooler::Session,
    "",
    "off",
    "--database-pooler (BIENVENUE_DATABASE_POOLER) to its pool_mode"
)]
#[case::off_behind_one_by_transaction(
    Pooler::Transaction,
    "ignore_startup_parameters = options",
    "off",
    "--database-pooler (BIENVENUE_DATABASE_POOLER) to transaction"
)]
#[case::session_behind_one_by_transaction(
    Pooler::Transaction,
    "",
    "session",
    "--database-pooler (BIENVENUE_DATABASE_POOLER) to transaction"
)]
fn a_pooler_that_the_settings_do_not_name_ends_the_start(
    #[case] pooler: Pooler,
    #[case] options: &str,
    #[case] setting: &str,
    #[case] remedy: &str,
) {
    let Some(stand) = Stand::behind_with(pooler, options) else {
        return;
    };
    let refused = finish(stand.program(&stand.service_url(), &["--database-pooler", setting]));
    let told = told(&refused);
    assert_eq!(refused.status.code(), Some(78), "{told}");
    assert!(told.contains(remedy), "{told}");
}

#[test]
fn options_in_the_url_are_refused_behind_a_pooler() {
    let Some(stand) = Stand::behind(Pooler::Transaction) else {
        return;
    };
    let url = format!("{}&options=-c%20work_mem%3D1MB", stand.service_url());
    let refused = finish(stand.program(&url, &[]));
    let told = told(&refused);
    assert_eq!(refused.status.code(), Some(78), "{told}");
    assert!(
        told.contains("remove this parameter from DATABASE_URL"),
        "{told}"
    );
}

#[test]
fn a_pooler_that_changes_its_mode_is_an_error_in_the_log() {
    let Some(stand) = Stand::behind(Pooler::Session) else {
        return;
    };
    let mut server = stand.serve();
    let mut visitor = Visitor::of(&[&server]);
    assert_eq!(visitor.register("bob@x.org").status, 201);
    let id = visitor.log_in("bob@x.org").session_id();
    stand
        .pgbouncer
        .as_ref()
        .unwrap()
        .command("SET pool_mode = 'transaction'");
    let clients: Vec<_> = (0..6)
        .map(|_| {
            let (mut visitor, id) = (Visitor::of(&[&server]), id.clone());
            thread::spawn(move || {
                (0..200)
                    .map(|_| visitor.profile(&id).status)
                    .find(|status| *status != 200)
            })
        })
        .collect();
    for client in clients {
        let unexpected = client.join().unwrap();
        assert!(
            unexpected.is_none_or(|status| status == 503),
            "{unexpected:?}: {}",
            server.log_so_far()
        );
    }
    let line = server.wait_for("requests are answered 503 until then");
    assert!(
        line.contains("ERROR") && line.contains("--database-pooler transaction"),
        "{line}"
    );
    assert_eq!(server.logged("requests are answered 503 until then"), 1);
}

/// Limits of the server: each write brings its own, and reads have the role's.
#[test]
fn a_transaction_behind_a_pooler_brings_its_limits() {
    let Some(stand) = Stand::behind(Pooler::Transaction) else {
        return;
    };
    stand.sql(&["ALTER ROLE postgres SET log_statement = 'all'"]);
    let mut server = stand.serve();
    server.wait_for("have no time limit");
    assert_eq!(Visitor::of(&[&server]).register("bob@x.org").status, 201);
    let log = stand.cluster.log();
    assert!(
        log.contains("BEGIN; SET LOCAL statement_timeout = 3000"),
        "{log}"
    );
    assert!(!log.contains("__diesel_stmt_"), "no statement has a name");
    drop(server);
    stand.sql(&["ALTER ROLE postgres SET statement_timeout = '3s'"]);
    stand.pgbouncer.as_ref().unwrap().command("RECONNECT");
    let mut server = stand.serve();
    assert_eq!(server.logged("have no time limit"), 0);
}

/// `PgBouncer` repeats to each client what its first server connection said of itself.
#[rstest]
fn a_standby_promoted_behind_pgbouncer_is_used(
    #[values(Pooler::Session, Pooler::Transaction)] pooler: Pooler,
) {
    let Some(stand) = Stand::behind(pooler) else {
        return;
    };
    let standby = stand.cluster.standby();
    stand.pgbouncer.as_ref().unwrap().point_to(standby.host());
    let command = stand.program(&stand.service_url(), &[]);
    let starting = thread::spawn(move || {
        let mut server = Server::spawn(command);
        server.wait_for("is read-only");
        server
    });
    thread::sleep(std::time::Duration::from_secs(1));
    assert!(!starting.is_finished(), "it serves from a standby");
    standby.promote();
    let server = starting.join().unwrap();
    assert_eq!(Visitor::of(&[&server]).register("bob@x.org").status, 201);
}
