//! The fuzzing targets over the small corpus that stays in the repository.

use std::fs;
use std::path::{Path, PathBuf};

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 8] = [
    ("form", bienvenue::http::fuzzing::form),
    ("cookies", bienvenue::http::fuzzing::cookies),
    ("forwarded", bienvenue::http::fuzzing::forwarded),
    ("stored_hash", bienvenue::auth::fuzzing::stored_hash),
    ("email", bienvenue::domain::fuzzing::email),
    ("local_path", bienvenue::domain::fuzzing::local_path),
    ("app_url", bienvenue::domain::fuzzing::app_url),
    ("passkey", bienvenue::webauthn::fuzzing::passkey),
];

fn fuzz(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(path)
}

fn corpus(target: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(fuzz("corpus").join(target)).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn each_target_takes_its_corpus_whole_and_cut_anywhere() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() >= 4, "{name}");
        for file in corpus {
            let input = fs::read(&file).unwrap();
            assert!(input.len() < 4096, "{} is not small", file.display());
            for end in 0..=input.len() {
                target(&input[..end]);
            }
        }
    }
}

#[test]
fn each_target_of_cargo_fuzz_is_run_here() {
    let mut files: Vec<String> = fs::read_dir(fuzz("fuzz_targets"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut names = TARGETS.map(|(name, _)| name.to_owned());
    files.sort();
    names.sort();
    assert_eq!(files, names);
}
