//! The clients of `examples/clients/` in five languages, run against the service.

use std::fs;
use std::process::Command;

use rstest::rstest;

use crate::support::program::Server;
use crate::support::{Place, has_tool};

#[rstest]
#[case::shell(&["sh"], "curl", "client.sh")]
#[case::python(&["/usr/bin/python3"], "/usr/bin/python3", "client.py")]
#[case::javascript(&["node"], "node", "client.mjs")]
#[case::php(&["php"], "php", "client.php")]
#[case::go(&["go", "run"], "go", "client.go")]
fn client_examples_log_in_and_out(
    #[case] interpreter: &[&str],
    #[case] tool: &str,
    #[case] file: &str,
) {
    // `go --version` is an error, and Go is there all the same.
    if !has_tool(tool) {
        return;
    }
    let path = format!("{}/examples/clients/{file}", env!("CARGO_MANIFEST_DIR"));
    let code = fs::read_to_string(&path).unwrap();
    assert!(
        code.lines().count() <= 22,
        "{file} is longer than a snippet"
    );

    let place = Place::new();
    let service = Server::start(&place);
    let output = Command::new(interpreter[0])
        .args(&interpreter[1..])
        .arg(path)
        .args([&service.url(""), "bob@example.org"])
        .env("GOCACHE", place.path("go"))
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
    // The user while the session lasts, and after the logout an answer that it has ended.
    assert!(printed.contains("bob@example.org"), "{printed}{errors}");
    assert!(printed.trim_end().ends_with("403"), "{printed}{errors}");
}
