//! README and `docs/` agree with the program: routes, links, and the sample of the library.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const API: &str = include_str!("../../../docs/api.md");
const LIBRARY: &str = include_str!("../../../docs/library.md");

#[test]
fn routes_in_the_docs_are_those_of_the_program() {
    let table = include_str!("../../../src/http/routes.rs");
    let pages = include_str!("../../../src/http/pages/mod.rs");
    let admin = include_str!("../../../src/http/pages/admin/mod.rs");
    let admin = admin.replace("AdminPage::new(\"/", "Resource::new(\"/");
    let table = format!("{table}{pages}{admin}");
    let paths: BTreeSet<&str> = table
        .split("Resource::new(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    let named: BTreeSet<&str> = API
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('|').next())
        .flat_map(|cell| cell.split('`').flat_map(|code| code.split(' ')))
        .filter_map(|path| path.split('?').next())
        .filter(|path| path.starts_with('/'))
        .collect();
    assert_eq!(named, paths);
}

/// The sample of `docs/library.md`. It differs in the path of the database alone.
#[test]
fn sample_of_the_library_works() -> Result<(), Box<dyn std::error::Error>> {
    use bienvenue::auth::{Auth, AuthSettings};
    use bienvenue::db::{DB, DbSettings};
    use bienvenue::domain::{Email, Password};

    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}/users.db", folder.path().display());
    let db = DB::open(&url.parse()?, DbSettings::default())?;
    let auth = Auth::new(db, AuthSettings::default())?;

    let (email, password) = (Email::parse("bob@bob.com")?, Password::parse("MyPwdOfBob")?);
    auth.register_user(&email, &password)?;
    assert!(auth.valid_login(&email, &password)?);

    let session_id = auth.create_session(&email)?;
    let user = auth.get_user_from_session_id(&session_id)?;
    let user = user.map(|user| user.to_string());
    assert_eq!(user.as_deref(), Some("<User #1 bob@bob.com>"));

    let own =
        include_str!("readme.rs").replace("&url.parse()?", r#"&"sqlite://users.db".parse()?"#);
    let (_, sample) = LIBRARY.split_once("```rust\n").unwrap();
    let (sample, _) = sample.split_once("```").unwrap();
    for line in sample.lines() {
        assert!(own.contains(line), "{line}");
    }
    Ok(())
}

/// Every Markdown file of the repository.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let folders = ["", "docs", "docs/decisions", "fuzz", "tests"];
    for folder in folders.map(|folder| root.join(folder)) {
        let entries = fs::read_dir(folder).unwrap();
        let files = entries.map(|entry| entry.unwrap().path());
        found.extend(files.filter(|file| file.extension().is_some_and(|ending| ending == "md")));
    }
    found
}

/// The names that links give to the headings of a text, as forges make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn links_in_the_docs_lead_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let targets = text.split("](").skip(1);
        let targets = targets.map(|rest| rest.split(')').next().unwrap());
        for target in targets.filter(|target| !target.contains("://")) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match path {
                "" => document.clone(),
                _ => document.parent().unwrap().join(path),
            };
            let found = file.exists()
                && (anchor.is_empty()
                    || anchors(&fs::read_to_string(&file).unwrap()).contains(anchor));
            if !found {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn sources_named_in_the_docs_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let names = text.split('`').skip(1).step_by(2);
        // A path of a source or a test, from the root or from `src/`.
        let is_path = |name: &&str| {
            let is_plain = name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "/_.-".contains(c));
            is_plain
                && name.contains('/')
                && Path::new(name).extension().is_some_and(|kind| kind == "rs")
        };
        for name in names.filter(is_path) {
            if ["", "src"]
                .iter()
                .all(|folder| !root.join(folder).join(name).exists())
            {
                missing.push(format!("{}: {name}", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
