//! The catalogues: each text is used, and each text that is used is there.

use std::fs;
use std::path::{Path, PathBuf};

use bienvenue::domain::Language;
use bienvenue::i18n::Catalogues;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// French has a space before a colon and English has none, so a colon belongs into the catalogues.
#[test]
fn templates_have_no_punctuation_of_one_language() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/pages/templates");
    for path in sources(&folder) {
        let template = fs::read_to_string(&path).unwrap();
        for mark in [':', ';', '?', '!'] {
            for end in [format!("}}}}{mark} "), format!("}}}} {mark} ")] {
                assert!(!template.contains(&end), "{}: {end}", path.display());
            }
        }
    }
}

#[test]
fn each_text_of_the_catalogue_is_used_and_the_other_way_round() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = ["http/pages", "mail/templates"].map(|part| sources(&folder.join(part)));
    let texts: Vec<String> = files
        .iter()
        .flatten()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let source = texts.concat();
    let catalogues = Catalogues::built_in();
    let catalogue = catalogues.of(Language::English);
    for (key, _) in catalogue.texts() {
        assert!(source.contains(&format!("\"{key}\"")), "{key} is not used");
    }
    for used in source.split("t(\"").skip(1) {
        let key = used.split('"').next().unwrap();
        let looks_like_a_key = key.contains('.') && !key.contains([' ', '/', '<']);
        assert!(!looks_like_a_key || catalogue.has(key), "{key}");
    }
}
