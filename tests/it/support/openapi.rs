//! The OpenAPI document beside what the tests see: each answer has a status that it
//! has, and `TEST_RECORD_ANSWERS=FILE` records which of them are seen.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::{LazyLock, Mutex};

use actix_web::http::{Method, StatusCode};
use serde_json::Value;

/// The OpenAPI description.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("src/http/openapi.json")).unwrap();
    serde_json::from_str(&text).unwrap()
});

static RECORDED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Compares the status of an answer with the OpenAPI description, if the route is in it.
pub(super) fn note(method: &Method, route: Option<&str>, status: StatusCode) {
    let Some(route) = route else { return };
    let route = match route.trim_end_matches('/') {
        "" => "/",
        route => route,
    };
    let method = match method.as_str() {
        "HEAD" => "get".to_owned(),
        other => other.to_lowercase(),
    };
    let operation = DOCUMENT["paths"]
        .get(route)
        .and_then(|path| path.get(&method));
    let Some(operation) = operation else { return };
    let status = status.as_str();
    assert!(
        operation["responses"].get(status).is_some(),
        "src/http/openapi.json lacks the status {status} of {method} {route}"
    );
    let Some(file) = std::env::var_os("TEST_RECORD_ANSWERS") else {
        return;
    };
    let line = format!("{method} {route} {status}\n");
    if RECORDED.lock().unwrap().insert(line.clone()) {
        let file = OpenOptions::new().append(true).create(true).open(file);
        file.unwrap().write_all(line.as_bytes()).unwrap();
    }
}
