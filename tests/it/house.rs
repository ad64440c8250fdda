//! The rooms of the house, and who may look into which.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may import: always downhill.
const ROOMS: [(&str, &[&str]); 16] = [
    ("main", &["cli", "logging"]),
    (
        "cli",
        &[
            "server",
            "auth",
            "db",
            "mail",
            "secret_key",
            "config",
            "domain",
        ],
    ),
    (
        "server",
        &[
            "http",
            "auth",
            "db",
            "mail",
            "secret_key",
            "config",
            "domain",
        ],
    ),
    ("http", &["auth", "i18n", "domain", "logging"]),
    (
        "auth",
        &[
            "db",
            "mail",
            "secret_key",
            "bcrypt_lanes",
            "webauthn",
            "domain",
        ],
    ),
    ("bcrypt_lanes", &[]),
    ("webauthn", &[]),
    ("db", &["ownership", "domain"]),
    ("mail", &["ownership", "domain"]),
    ("secret_key", &["ownership", "domain"]),
    ("ownership", &[]),
    ("i18n", &[]),
    ("config", &["domain"]),
    ("logging", &["config"]),
    ("domain", &[]),
    ("lib", &[]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The room of a file: the folder under `src`, or the file's own name.
fn room(file: &Path) -> String {
    let inside = file.strip_prefix(source_folder()).unwrap();
    let first = inside.components().next().unwrap();
    let name = first.as_os_str().to_str().unwrap();
    name.trim_end_matches(".rs").to_owned()
}

/// The rooms that a text names as `crate::room` or `bienvenue::room`.
fn imported(text: &str) -> Vec<String> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| {
        ["crate::", "bienvenue::"]
            .into_iter()
            .flat_map(move |root| {
                line.match_indices(root).map(move |(at, _)| {
                    let rest = &line[at + root.len()..];
                    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                    rest[..end.unwrap_or(rest.len())].to_owned()
                })
            })
    })
    .collect()
}

#[test]
fn imports_run_downhill() {
    let mut climbs = Vec::new();
    for file in sources(&source_folder()) {
        let room = room(&file);
        let (_, allowed) = ROOMS
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{} is no room of the house", file.display()));
        for name in imported(&fs::read_to_string(&file).unwrap()) {
            if name != room && !allowed.contains(&name.as_str()) {
                climbs.push(format!("{} imports {name}", file.display()));
            }
        }
    }
    assert!(climbs.is_empty(), "{climbs:#?}");
}

#[test]
fn a_climb_would_be_seen() {
    assert_eq!(imported("use crate::http::Metrics;"), ["http"]);
    assert_eq!(imported("    crate::db::DB::open()"), ["db"]);
    assert_eq!(imported("/// [`crate::http::Metrics`]"), [""; 0]);
    assert!(
        !ROOMS
            .iter()
            .any(|(name, may)| *name == "auth" && may.contains(&"http"))
    );
}

#[test]
fn diesel_stays_in_its_room_and_actix_in_the_rooms_of_the_server() {
    for file in sources(&source_folder()) {
        let text = fs::read_to_string(&file).unwrap();
        let room = room(&file);
        for (library, rooms) in [
            ("diesel::", ["db", ""]),
            ("actix_web::", ["http", "server"]),
        ] {
            if text.contains(&format!("use {library}")) {
                assert!(
                    rooms.contains(&room.as_str()),
                    "{} uses {library}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn no_file_is_longer_than_a_room_can_hold() {
    for file in sources(&source_folder()) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 400, "{} has {lines} lines", file.display());
    }
}
