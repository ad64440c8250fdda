//! schemathesis, which makes requests from the OpenAPI document and compares the answers with it.

use std::fs;
use std::process::Command;

use rstest::rstest;

use crate::support::program::Server;
use crate::support::{Engine, Place, has_tool};

/// What ends the session runs after all others.
#[rstest]
#[ignore = "long"]
fn schemathesis_finds_no_failure(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    if !has_tool("schemathesis") {
        return;
    }
    let url = format!("--database-url={}", place.url_text());
    let server = Server::start_with(&place, &[&url]);
    let document = server.url("/openapi.json");
    assert_eq!(server.register("bob@example.org", "bob_password"), 201);
    let cookie = server.session("bob@example.org", "bob_password");
    let session = cookie.split_once('=').unwrap().1;
    let settings = format!("[auth.openapi.session]\napi_key = \"{session}\"\n");
    fs::write(place.path("schemathesis.toml"), settings).unwrap();

    for selection in [
        "--exclude-operation-id-regex",
        "--include-operation-id-regex",
    ] {
        let run = Command::new("schemathesis")
            .args([
                "run",
                &document,
                "--max-examples=10",
                "--generation-deterministic",
            ])
            .args([selection, "^(log_out|delete_account)$"])
            // A free address and a taken one are both valid; the contract answers 400 to the taken.
            .arg("--exclude-checks=positive_data_acceptance")
            .current_dir(place.folder())
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let report = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{report}");
        let cases = report.lines().find(|line| line.contains(" generated, "));
        println!("{engine:?}: {}", cases.unwrap().trim());
    }
}
