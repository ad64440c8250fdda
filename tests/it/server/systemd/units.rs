//! The files in `deploy/`, by systemd's own judgement.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::has_tool;

const UNITS: [&str; 4] = [
    "bienvenue.service",
    "bienvenue.socket",
    "bienvenue-backup.service",
    "bienvenue-backup.timer",
];

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(name)
}

/// The units as an operator installs them, with that drop-in, and a program that is there.
fn installed(drop_in: Option<&str>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for unit in UNITS {
        let text = fs::read_to_string(deploy(unit)).unwrap();
        let text = text.replace("/usr/local/bin/bienvenue", env!("CARGO_BIN_EXE_bienvenue"));
        fs::write(folder.path().join(unit), text).unwrap();
    }
    if let Some(name) = drop_in {
        let beside = folder.path().join("bienvenue.service.d");
        fs::create_dir(&beside).unwrap();
        fs::copy(deploy("dropins").join(name), beside.join(name)).unwrap();
    }
    folder
}

fn analyze(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("systemd-analyze")
        .args(arguments)
        .current_dir(folder)
        .env("SYSTEMD_UNIT_PATH", format!("{}:", folder.display()))
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap()
}

fn both(output: &Output) -> String {
    let both = [&*output.stdout, &*output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// The exposure that systemd sees, from 0 to 10; none if it refuses the threshold.
fn exposure(drop_in: Option<&str>, threshold: &str) -> Option<String> {
    let folder = installed(drop_in);
    let threshold = format!("--threshold={threshold}");
    let output = analyze(
        folder.path(),
        &[
            "security",
            "--offline=true",
            "--no-pager",
            &threshold,
            "./bienvenue.service",
        ],
    );
    let told = both(&output);
    let (_, overall) = told
        .split_once("Overall exposure level for bienvenue.service: ")
        .unwrap_or_else(|| panic!("{told}"));
    let overall = overall.split(' ').next().unwrap().to_owned();
    output.status.success().then_some(overall)
}

#[test]
fn r91_exposure_is_at_most_one_of_ten() {
    if !has_tool("systemd-analyze") {
        return;
    }
    let plain = exposure(None, "10").expect("at most 1.0");
    let without = exposure(Some("no-network.conf"), "5").expect("at most 0.5 without network");
    // A server on another machine costs what it costs.
    let with = exposure(Some("network.conf"), "15").expect("at most 1.5");
    println!("R91: exposure {plain}, {without} without network, {with} with all of it");
    assert!(exposure(None, "0").is_none(), "a threshold can be missed");
}

#[test]
fn systemd_verifies_the_units() {
    if !has_tool("systemd-analyze") {
        return;
    }
    for drop_in in [None, Some("network.conf"), Some("no-network.conf")] {
        let folder = installed(drop_in);
        let output = analyze(
            folder.path(),
            &[
                "verify",
                "--man=no",
                "./bienvenue.service",
                "./bienvenue.socket",
                "./bienvenue-backup.service",
                "./bienvenue-backup.timer",
            ],
        );
        assert!(output.status.success(), "{drop_in:?}: {}", both(&output));
        assert_eq!(both(&output), "", "{drop_in:?}");
    }
}

#[test]
fn unit_agrees_with_the_program() {
    let unit = fs::read_to_string(deploy("bienvenue.service")).unwrap();
    for line in [
        // Exit code 78 means a failure that a restart cannot repair.
        "RestartPreventExitStatus=2 78",
        "Restart=on-failure",
        // 25 seconds of answering, and 4 of the last writes.
        "TimeoutStopSec=40",
        "WatchdogSec=30",
        "Type=notify",
        "StateDirectoryMode=0700",
        "UMask=0077",
    ] {
        assert!(unit.lines().any(|there| there == line), "{line}");
    }
    // The address by which nginx in docs/deploy.md reaches the service.
    let socket = fs::read_to_string(deploy("bienvenue.socket")).unwrap();
    assert!(socket.contains("ListenStream=127.0.0.1:5000\n"));
}
