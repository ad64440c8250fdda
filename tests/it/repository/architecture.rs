//! The layers of the source tree, which of them may import which, and the shape of its files.

mod cycles;
mod imports;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cycles::cycles;
use imports::{Module, imports_between};

/// Each layer and the layers that it may import: always downhill.
const LAYERS: [(&str, &[&str]); 16] = [
    ("main", &["cli", "logging"]),
    (
        "cli",
        &[
            "server",
            "auth",
            "db",
            "mail",
            "secret_key",
            "import",
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
    ("auth", &["db", "mail", "secret_key", "webauthn", "domain"]),
    ("webauthn", &[]),
    ("db", &["ownership", "domain"]),
    ("mail", &["ownership", "i18n", "domain"]),
    ("secret_key", &["ownership", "domain"]),
    ("import", &["domain"]),
    ("ownership", &[]),
    ("i18n", &["domain"]),
    ("config", &["domain"]),
    ("logging", &["config"]),
    ("domain", &[]),
    ("lib", &[]),
];

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_in(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The path of a file as a module, `["db", "tables"]` for `src/db/tables/mod.rs`.
fn module(file: &Path) -> Module {
    let inside = file.strip_prefix(package().join("src")).unwrap();
    let path = inside.with_extension("");
    let mut words: Module = path
        .iter()
        .map(|word| word.to_str().unwrap().to_owned())
        .collect();
    words.pop_if(|word| word == "mod");
    words
}

/// The modules of `src` with their text, without files of unit tests.
fn sources() -> BTreeMap<Module, String> {
    let files = files_in(&package().join("src"));
    files
        .iter()
        .filter(|file| !file.ends_with("tests.rs"))
        .map(|file| (module(file), fs::read_to_string(file).unwrap()))
        .collect()
}

/// The layers that a text names as `crate::layer` or `bienvenue::layer`.
fn imported_layers(text: &str) -> Vec<String> {
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

/// The cycles among the modules of a made-up tree.
fn cycles_of(tree: &[(&str, &str)]) -> Vec<String> {
    let sources = tree
        .iter()
        .map(|(path, text)| {
            (
                path.split("::").map(str::to_owned).collect(),
                (*text).to_owned(),
            )
        })
        .collect();
    cycles(&imports_between(&sources))
}

#[test]
fn imports_run_downhill() {
    let mut wrong = Vec::new();
    for (module, text) in sources() {
        let layer = &module[0];
        let (_, allowed) = LAYERS
            .iter()
            .find(|(name, _)| name == layer)
            .unwrap_or_else(|| panic!("{layer} is no layer"));
        for name in imported_layers(&text) {
            if name != *layer && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{} imports {name}", module.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_import_uphill_is_found() {
    assert_eq!(imported_layers("use crate::http::Metrics;"), ["http"]);
    assert_eq!(imported_layers("    crate::db::DB::open()"), ["db"]);
    assert_eq!(imported_layers("/// [`crate::http::Metrics`]"), [""; 0]);
    assert!(
        !LAYERS
            .iter()
            .any(|(name, may)| *name == "auth" && may.contains(&"http"))
    );
}

/// The rule: a folder's `mod.rs` and its children may use each other, but the children of one
/// folder, each with all that is below it, form no import cycle.
#[test]
fn sibling_modules_form_no_cycle() {
    assert_eq!(cycles(&imports_between(&sources())), [""; 0]);
}

#[test]
fn handlers_do_not_import_each_other() {
    let handlers = ["http", "handlers"].map(str::to_owned);
    for (from, to) in imports_between(&sources()) {
        let of = |module: &Module| module.strip_prefix(&handlers[..])?.first().cloned();
        if let (Some(from), Some(to)) = (of(&from), of(&to)) {
            assert_eq!(from, to, "a handler imports another one");
        }
    }
}

#[test]
fn a_cycle_among_siblings_is_found() {
    let direct = [
        ("db", "mod a;\nmod b;"),
        ("db::a", "use super::b::B;"),
        ("db::b", "fn b() { crate::db::a::a() }"),
    ];
    assert_eq!(cycles_of(&direct), ["db: a, b"]);
    let through_a_folder_and_an_export = [
        (
            "db",
            "pub use tables::users::{\n    User, find as find_user,\n};",
        ),
        ("db::tables", "pub mod users;"),
        ("db::tables::users", "use crate::db::export::Export;"),
        ("db::export", "use crate::db::{DB, find_user};"),
    ];
    assert_eq!(
        cycles_of(&through_a_folder_and_an_export),
        ["db: export, tables"]
    );
    let of_three = [
        ("db", ""),
        ("db::a", "use super::b::B;"),
        ("db::b", "use super::c::C;"),
        ("db::c", "use super::a::A;\n"),
    ];
    assert_eq!(cycles_of(&of_three), ["db: a, b, c"]);
}

#[test]
fn parents_comments_and_unit_tests_form_no_cycle() {
    let parent_and_child = [
        ("db", "use users::User;"),
        ("db::users", "use super::DB;\nuse crate::db::DB;"),
    ];
    assert_eq!(cycles_of(&parent_and_child), [""; 0]);
    let tests_only = [
        ("db", "pub use a::A;"),
        ("db::a", "// use super::b::B;"),
        ("db::b", "use super::A;"),
        (
            "db::c",
            "use super::b::B;\n\n#[cfg(test)]\nmod tests {\n    use super::a::A;\n}",
        ),
        (
            "db::a::x",
            "\n#[cfg(test)]\nmod tests {\n    use crate::db::b::B;\n}",
        ),
    ];
    assert_eq!(cycles_of(&tests_only), [""; 0]);
}

#[test]
fn libraries_stay_in_their_layers() {
    for (module, text) in sources() {
        for (library, layers) in [
            ("diesel::", &["db"][..]),
            ("actix_web::", &["http", "server"]),
            ("bcrypt_lanes::", &["auth"]),
            ("pbkdf2_sha::", &["auth"]),
        ] {
            if text.contains(&format!("use {library}")) {
                assert!(
                    layers.contains(&module[0].as_str()),
                    "{} uses {library}",
                    module.join("::")
                );
            }
        }
    }
}

#[test]
fn no_source_file_has_over_400_lines() {
    let mut files = files_in(&package().join("src"));
    files.extend(files_in(&package().join("crates")));
    for file in files {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 400, "{} has {lines} lines", file.display());
    }
}

/// `lib.rs` shows the README instead, and Diesel's command line writes `schema.rs`.
#[test]
fn each_file_says_what_it_is_for() {
    for folder in ["src", "crates", "tests", "benches", "examples"] {
        for file in files_in(&package().join(folder)) {
            let text = fs::read_to_string(&file).unwrap();
            assert!(
                text.starts_with("//! ")
                    || file.ends_with("src/lib.rs")
                    || file.ends_with("src/db/schema.rs"),
                "{} does not begin with //!",
                file.display()
            );
        }
    }
}
