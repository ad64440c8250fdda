//! The tarball, its checksums, and the bill of materials.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::package;
use crate::support::Place;

#[test]
#[ignore = "long: needs packages"]
fn tarball_matches_its_checksum_and_serves() {
    let Some(file) = package("-linux.tar.gz", &["tar", "sha256sum"]) else {
        return;
    };
    let checked = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(file.parent().unwrap())
        .status();
    assert!(checked.unwrap().success());

    let place = Place::on_disk();
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(&file)
        .arg("-C")
        .arg(place.folder())
        .status();
    assert!(unpacked.unwrap().success());
    let name = file
        .file_name()
        .unwrap()
        .to_string_lossy()
        .replace(".tar.gz", "");
    let folder = place.path(&name);
    for present in [
        "README.md",
        "LICENSE-MIT",
        "THIRD-PARTY.md",
        "deploy/bienvenue.service",
        "man/bienvenue.1",
    ] {
        assert!(folder.join(present).exists(), "{present}");
    }
    let version = Command::new(folder.join("bienvenue"))
        .arg("--version")
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&version.stdout),
        concat!("bienvenue ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
#[ignore = "long: needs packages"]
fn r68_bill_of_materials_names_each_crate() {
    let Some(file) = package(".cdx.json", &[]) else {
        return;
    };
    let bill: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut components = Vec::new();
    for component in bill["components"].as_array().unwrap() {
        assert_eq!(
            component["hashes"][0]["content"].as_str().unwrap().len(),
            64,
            "{component}"
        );
        let part = |name: &str| component[name].as_str().unwrap().to_owned();
        components.push(format!("{} {}", part("name"), part("version")));
    }
    let licences = include_str!("../../../../THIRD-PARTY.md");
    let table = licences
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1);
    let listed: Vec<_> = table
        .map(|line| line.split(" | ").next().unwrap()[2..].to_owned())
        .collect();
    assert!(components.len() > 100);
    assert_eq!(components, listed);
}
