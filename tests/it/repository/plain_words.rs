//! Comments, messages, help, tests, templates and documents use plain words.

use std::fs;
use std::path::{Path, PathBuf};

/// Words that the project does not use.
const AVOIDED: [&str; 35] = [
    "whoever",
    "nobody",
    "somebody",
    "anew",
    "at the most",
    "of late",
    "in vain",
    "so many",
    "mend",
    "mended",
    "void",
    "for the sake of",
    "in the place of",
    "taken for",
    "is told to",
    "are told to",
    "told of",
    "on its way to",
    "lets through",
    "let through",
    "the document's",
    "the house",
    "rooms",
    "knock",
    "knocked",
    "pulse",
    "look-up",
    "look-ups",
    "in hand",
    "good for",
    "worth nothing",
    "not serving",
    "housekeeping",
    "upkeep",
    "shared/",
];

/// Words that no sentence begins with: they make a subject without a noun.
const BEGINNINGS: [&str; 10] = [
    "who",
    "whoever",
    "whom",
    "whose",
    "of what",
    "what is left of",
    "what became of",
    "those who",
    "those that",
    "those of",
];

/// Phrases in which such a word is right, each with its meaning there.
const ALLOWED: [(&str, &str); 4] = [
    ("`nobody`", "the Unix user"),
    ("\"nobody\"", "the Unix user, or the local part of an email"),
    ("nobody@", "an email"),
    ("`shared/", "a folder of a user"),
];

/// The folders of which every text is checked, and the endings of those texts.
const FOLDERS: [&str; 9] = [
    "src",
    "crates",
    "tests",
    "benches",
    "examples",
    "fuzz/fuzz_targets",
    "docs",
    "deploy",
    "scripts",
];
const TEXTS: [&str; 8] = [
    "rs", "md", "html", "service", "socket", "conf", "py", "toml",
];
/// Files outside of those folders.
const FILES: [&str; 10] = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "fuzz/README.md",
    "Cargo.toml",
    "deny.toml",
    "justfile",
    ".ci/install-tools",
    ".ci/run",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text files of a folder. This file, which names the words, is not one of them.
fn texts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_dir() {
            found.extend(texts(&path));
        } else if path.ends_with(file!()) {
        } else if ending.is_some_and(|ending| TEXTS.contains(&ending))
            || path.parent().is_some_and(|folder| {
                folder.ends_with("mail/templates") || folder.ends_with("i18n")
            })
        {
            found.push(path);
        }
    }
    found
}

/// The comments of a source, each as one paragraph, its literals, and the names of its functions
/// as words.
fn prose(source: &str) -> Vec<String> {
    let (mut found, mut paragraph, mut code) = (Vec::new(), String::new(), String::new());
    for line in source.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("//") {
            let text = comment.trim_start_matches(['/', '!']).trim();
            paragraph.push_str(text);
            paragraph.push(' ');
            if text.is_empty() {
                found.push(std::mem::take(&mut paragraph));
            }
        } else {
            found.push(std::mem::take(&mut paragraph));
            let name = line
                .split("fn ")
                .nth(1)
                .and_then(|rest| rest.split('(').next());
            found.extend(name.map(|name| name.replace('_', " ")));
            code.push_str(line);
            code.push(' ');
        }
    }
    found.push(paragraph);
    let code = code.replace("\\\"", "'").replace("'\"'", "''");
    found.extend(
        code.split('"')
            .skip(1)
            .step_by(2)
            .map(|text| format!("\"{text}\"")),
    );
    found
}

/// The prose of a document: its paragraphs and table rows without code and quoted messages.
fn document(text: &str) -> Vec<String> {
    let prose: String = text.split('`').step_by(2).collect();
    let rows = prose.replace("\n|", "\n\n|");
    rows.split("\n\n").map(str::to_owned).collect()
}

/// The words of a text in lower case, with one space around each.
fn words(text: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || "-'/_".contains(c);
    let words = text.split(|c| !is_word(c)).filter(|word| !word.is_empty());
    format!(" {} ", words.collect::<Vec<_>>().join(" ").to_lowercase())
}

/// The avoided words and beginnings of sentences in a text.
fn avoided(text: &str) -> Vec<&'static str> {
    let mut text = text.to_owned();
    for (phrase, _) in ALLOWED {
        text = text.replace(phrase, "");
    }
    let all = words(&text);
    let is_in = |word: &&str| match word.strip_suffix('/') {
        Some(_) => all.contains(&format!(" {word}")),
        None => all.contains(&format!(" {word} ")),
    };
    let mut found: Vec<&str> = AVOIDED.iter().filter(|word| is_in(word)).copied().collect();
    for sentence in text.split_inclusive(['.', '?']) {
        let begins = |start: &&&str| words(sentence).starts_with(&format!(" {start} "));
        if sentence.ends_with('.') {
            found.extend(BEGINNINGS.iter().filter(begins));
        }
    }
    found
}

#[test]
fn sources_and_the_readme_use_plain_words() {
    let mut files: Vec<PathBuf> = FOLDERS
        .iter()
        .flat_map(|folder| texts(&root().join(folder)))
        .collect();
    files.extend(FILES.iter().map(|file| root().join(file)));
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let texts = match file.extension().and_then(|ending| ending.to_str()) {
            Some("rs") => prose(&text),
            Some("md") => document(&text),
            _ => text.lines().map(str::to_owned).collect(),
        };
        for text in texts {
            for word in avoided(&text) {
                let file = file.strip_prefix(root()).unwrap().display();
                let at = text.to_lowercase().find(word).unwrap_or_default();
                let text: String = text.chars().skip(at.saturating_sub(40)).take(100).collect();
                found.push(format!("{file}: \"{word}\" in: {text}"));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn sources_with_avoided_words_are_found() {
    for (text, word) in [
        ("It is made anew.", "anew"),
        ("At the most, ten.", "at the most"),
        ("One. Who waits is refused.", "who"),
        ("What is left of it.", "what is left of"),
        ("as shared/api.md says", "shared/"),
    ] {
        assert_eq!(avoided(text), [word], "{text}");
    }
    assert!(avoided("A new amendment for users who wait. What is it?").is_empty());
    assert!(avoided("It runs as `nobody`.").is_empty());
    let source = "//! One\n//! two.\nfn a_b() {\n    log(\"three \\\n         four\");\n}\n";
    let found: Vec<String> = prose(source)
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    assert_eq!(found, ["One two. ", "a b", "\"three \\ four\""]);
}

/// The names of the tests in a source.
fn tests(source: &str) -> Vec<&str> {
    let (mut found, mut is_test) = (Vec::new(), false);
    for line in source.lines().map(str::trim) {
        let is_attribute = ["#[test]", "#[rstest", "#[actix_web::test", "#[tokio::test"]
            .iter()
            .any(|start| line.starts_with(start));
        is_test |= is_attribute;
        if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
            found.extend(rest.split(['(', '<']).next());
            is_test = false;
        }
    }
    found
}

#[test]
fn names_of_tests_in_all_sources_are_short() {
    let mut long = Vec::new();
    for folder in ["src", "crates", "tests"] {
        for file in texts(&root().join(folder)) {
            let text = fs::read_to_string(&file).unwrap();
            long.extend(
                tests(&text)
                    .into_iter()
                    .filter(|name| name.len() >= 60)
                    .map(str::to_owned),
            );
        }
    }
    assert!(long.is_empty(), "{long:#?}");
    let source = "fn a() {}\n#[rstest]\n#[case(1)]\nasync fn b_c(#[case] x: u32) {}\n";
    assert_eq!(tests(source), ["b_c"]);
}
