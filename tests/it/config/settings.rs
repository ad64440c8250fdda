//! Every setting of the program: its flag, its variable, what it takes and what it refuses.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::process::Output;

use crate::support::Place;
use crate::support::program::{finish, program, run, told};

/// All settings, each with a value that it takes and one that it refuses.
const SETTINGS: [(&str, &str, &str, &str); 45] = [
    ("--bind", "BIENVENUE_BIND", "127.0.0.1:0", "5000"),
    (
        "--database-url",
        "DATABASE_URL",
        "sqlite://good.db",
        "mysql://root:s3cret@localhost/b",
    ),
    (
        "--public-url",
        "BIENVENUE_PUBLIC_URL",
        "https://login.example.org",
        "http://login.example.org",
    ),
    ("--bcrypt-cost", "BIENVENUE_BCRYPT_COST", "10", "3"),
    (
        "--password-min-length",
        "BIENVENUE_PASSWORD_MIN_LENGTH",
        "8",
        "0",
    ),
    (
        "--sessions-per-user",
        "BIENVENUE_SESSIONS_PER_USER",
        "0",
        "many",
    ),
    ("--session-idle", "BIENVENUE_SESSION_IDLE", "30m", "30"),
    (
        "--session-lifetime",
        "BIENVENUE_SESSION_LIFETIME",
        "7d",
        "0s",
    ),
    ("--throttle", "BIENVENUE_THROTTLE", "off", "maybe"),
    (
        "--throttle-account-free",
        "BIENVENUE_THROTTLE_ACCOUNT_FREE",
        "5",
        "0",
    ),
    (
        "--throttle-account-wait",
        "BIENVENUE_THROTTLE_ACCOUNT_WAIT",
        "5m",
        "5",
    ),
    (
        "--throttle-account-limit",
        "BIENVENUE_THROTTLE_ACCOUNT_LIMIT",
        "100",
        "none",
    ),
    (
        "--throttle-memory",
        "BIENVENUE_THROTTLE_MEMORY",
        "30d",
        "ever",
    ),
    (
        "--throttle-known-free",
        "BIENVENUE_THROTTLE_KNOWN_FREE",
        "10",
        "-1",
    ),
    (
        "--throttle-known-wait",
        "BIENVENUE_THROTTLE_KNOWN_WAIT",
        "1m",
        "0s",
    ),
    (
        "--throttle-device-memory",
        "BIENVENUE_THROTTLE_DEVICE_MEMORY",
        "180d",
        "180",
    ),
    (
        "--throttle-network-memory",
        "BIENVENUE_THROTTLE_NETWORK_MEMORY",
        "30d",
        "30",
    ),
    (
        "--throttle-address",
        "BIENVENUE_THROTTLE_ADDRESS",
        "20+1/30s",
        "20",
    ),
    (
        "--throttle-subnet",
        "BIENVENUE_THROTTLE_SUBNET",
        "100+1/5s",
        "0+1/5s",
    ),
    (
        "--throttle-registration",
        "BIENVENUE_THROTTLE_REGISTRATION",
        "30+1/6m",
        "30+2/6m",
    ),
    (
        "--throttle-registration-subnet",
        "BIENVENUE_THROTTLE_REGISTRATION_SUBNET",
        "100+1/1m",
        "100+1",
    ),
    (
        "--throttle-logins",
        "BIENVENUE_THROTTLE_LOGINS",
        "30+1/2s",
        "30",
    ),
    ("--throttle-rows", "BIENVENUE_THROTTLE_ROWS", "1000000", "0"),
    ("--hash-threads", "BIENVENUE_HASH_THREADS", "2", "0"),
    ("--hash-queue", "BIENVENUE_HASH_QUEUE", "64", "-1"),
    ("--hash-deadline", "BIENVENUE_HASH_DEADLINE", "5s", "soon"),
    (
        "--trusted-proxies",
        "BIENVENUE_TRUSTED_PROXIES",
        "10.0.0.0/8, ::1",
        "proxy",
    ),
    (
        "--allowed-origins",
        "BIENVENUE_ALLOWED_ORIGINS",
        "https://app.example.org",
        "https://app.example.org/path",
    ),
    ("--database-cache", "BIENVENUE_DATABASE_CACHE", "64", "0"),
    ("--migrate", "BIENVENUE_MIGRATE", "auto", "never"),
    (
        "--operator-bind",
        "BIENVENUE_OPERATOR_BIND",
        "127.0.0.1:0",
        "here",
    ),
    (
        "--service-name",
        "BIENVENUE_SERVICE_NAME",
        "Acme",
        "Acme\nInc",
    ),
    (
        "--mail",
        "BIENVENUE_MAIL",
        "smtps://me:s3cret@mail.example.org",
        "imap://me:s3cret@mail.example.org",
    ),
    (
        "--reset-page",
        "BIENVENUE_RESET_PAGE",
        "https://app.example.org/reset",
        "/reset",
    ),
    (
        "--verify-page",
        "BIENVENUE_VERIFY_PAGE",
        "https://app.example.org/verify",
        "https://app.example.org/verify#token",
    ),
    (
        "--email-verification",
        "BIENVENUE_EMAIL_VERIFICATION",
        "optional",
        "perhaps",
    ),
    (
        "--notices",
        "BIENVENUE_NOTICES",
        "new-device,account-deleted",
        "new-device,birthday",
    ),
    (
        "--registration",
        "BIENVENUE_REGISTRATION",
        "closed",
        "secret",
    ),
    ("--log-format", "BIENVENUE_LOG_FORMAT", "json", "xml"),
    (
        "--database-pooler",
        "BIENVENUE_DATABASE_POOLER",
        "off",
        "statement",
    ),
    (
        "--mail-from",
        "BIENVENUE_MAIL_FROM",
        "accounts@example.org",
        "accounts",
    ),
    ("--pages", "BIENVENUE_PAGES", "on", "some"),
    ("--accent-color", "BIENVENUE_ACCENT_COLOR", "#1a5f8a", "red"),
    (
        "--second-factor",
        "BIENVENUE_SECOND_FACTOR",
        "optional",
        "sometimes",
    ),
    (
        "--audit-retention",
        "BIENVENUE_AUDIT_RETENTION",
        "30",
        "ever",
    ),
];

/// Settings of which any text may be right: names of files, and what a mail server knows.
const TEXTS: [&str; 7] = [
    "--config",
    "--mail-user",
    "--mail-password",
    "--mail-templates",
    "--logo",
    "--page-templates",
    "--secret-key-file",
];

#[test]
fn each_setting_of_the_program_is_in_the_list() {
    let shown = run(Place::new().folder(), &["config", "show", "--json"]);
    let lines = String::from_utf8(shown.stdout).unwrap();
    let flag = |line: &str| {
        let setting: serde_json::Value = serde_json::from_str(line).unwrap();
        setting["flag"].as_str().unwrap().to_owned()
    };
    let all: BTreeSet<String> = lines.lines().map(flag).collect();
    let listed = SETTINGS.iter().map(|(flag, ..)| *flag);
    let listed: BTreeSet<String> = listed.chain(TEXTS).map(str::to_owned).collect();
    assert_eq!(all, listed);
}

/// Runs a command that reads all settings and ends.
fn with(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let place = Place::new();
    let mut command = program(place.folder(), &["db", "migrate"]);
    command.args(arguments).envs(variables.iter().copied());
    finish(command)
}

#[test]
fn every_setting_is_taken_as_a_flag_and_as_a_variable() {
    let flags: Vec<String> = SETTINGS
        .iter()
        .map(|(flag, _, good, _)| format!("{flag}={good}"))
        .collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let output = with(&flags, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));

    let variables = SETTINGS.map(|(_, variable, good, _)| (variable, good));
    let output = with(&[], &variables);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}

/// A sentence that names the setting and keeps its value, which may be a secret, to itself.
fn assert_refused(output: &Output, code: i32, (flag, variable): (&str, &str), bad: &str) {
    let told = told(output);
    assert_eq!(output.status.code(), Some(code), "{flag} {bad}: {told}");
    let sentence = told
        .strip_prefix(&format!("bienvenue: {flag} ({variable}): "))
        .unwrap_or_else(|| panic!("{flag} {bad}: {told}"));
    assert!(sentence.len() > "wrong".len(), "{flag} {bad}: {told}");
    assert!(!told.contains("s3cret"), "{told}");
}

#[test]
fn invalid_values_are_refused_by_flag_and_variable() {
    for (flag, variable, _, bad) in SETTINGS {
        let none_is_a_list = ["--trusted-proxies", "--allowed-origins"].contains(&flag);
        for bad in [bad, ""] {
            if bad.is_empty() && none_is_a_list {
                continue;
            }
            let by_flag = with(&[&format!("{flag}={bad}")], &[]);
            assert_refused(&by_flag, 2, (flag, variable), bad);
            let by_variable = with(&[], &[(variable, bad)]);
            assert_refused(&by_variable, 78, (flag, variable), bad);
        }
    }
}

#[test]
fn flag_without_a_value_names_the_expected_value() {
    let output = with(&["--database-url"], &[]);
    assert_refused(&output, 2, ("--database-url", "DATABASE_URL"), "nothing");
    assert!(
        told(&output).contains("a value is missing"),
        "{}",
        told(&output)
    );
    let output = with(&["--migrate"], &[]);
    assert_refused(&output, 2, ("--migrate", "BIENVENUE_MIGRATE"), "nothing");
    assert!(told(&output).contains("auto, check"), "{}", told(&output));
}

#[test]
fn a_value_that_is_no_utf_8_is_refused_by_name() {
    let place = Place::new();
    for name in ["DATABASE_URL", "BIENVENUE_MAIL", "BIENVENUE_BIND"] {
        let mut command = program(place.folder(), &["db", "migrate"]);
        command.env(name, std::ffi::OsStr::from_bytes(b"s3cret\xff"));
        let output = finish(command);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(78), "{told}");
        assert!(told.contains(name), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[test]
fn unknown_variable_is_refused_by_name() {
    for name in ["BIENVENUE_BNID", "BIENVENUE_", "BIENVENUE_DATABASE_URL"] {
        let output = with(&[], &[(name, "s3cret")]);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(78), "{told}");
        assert!(told.contains(&format!("no setting {name} ")), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[test]
fn incompatible_settings_are_refused() {
    let https = "--public-url=https://login.example.org";
    for cost in ["4", "9"] {
        let output = with(&[https, "--bcrypt-cost", cost], &[]);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(78), "{told}");
        assert!(
            told.contains("--bcrypt-cost (BIENVENUE_BCRYPT_COST)"),
            "{told}"
        );
    }
    let output = with(
        &["--public-url=http://localhost:5000", "--bcrypt-cost=4"],
        &[],
    );
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}

#[test]
fn help_works_with_invalid_settings() {
    let place = Place::new();
    let mut command = program(place.folder(), &["--help"]);
    command
        .env("BIENVENUE_BNID", "x")
        .env("BIENVENUE_MAIL", "smtp://me:s3cret@h");
    let output = finish(command);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    let config = ("--config", "BIENVENUE_CONFIG", "", "");
    for (flag, variable, ..) in SETTINGS.iter().copied().chain([config]) {
        let named = |line: &str| line.trim_start().starts_with(&format!("{flag} <"));
        assert!(help.lines().any(named), "{flag} is missing");
        assert!(help.contains(&format!("[env: {variable}")), "{variable}");
    }
    assert!(!help.contains("s3cret"));
}

#[test]
fn the_version_is_that_of_the_package() {
    for flag in ["--version", "-V"] {
        let output = run(Place::new().folder(), &[flag]);
        assert_eq!(output.status.code(), Some(0));
        let version = format!("bienvenue {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), version);
    }
}

#[test]
fn unknown_command_or_flag_is_refused() {
    for word in ["sevre", "--bnid=1"] {
        let output = run(Place::new().folder(), &[word]);
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        let word = word.split('=').next().unwrap();
        assert!(told(&output).contains(word), "{}", told(&output));
    }
}

#[test]
fn contradicting_settings_are_refused() {
    let required = "--email-verification=required";
    for (flags, names) in [
        ([required, "--mail=off"], "--email-verification required"),
        (["--notices=none,new-device", "--mail=off"], "--notices"),
    ] {
        let output = with(&flags, &[]);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(78), "{told}");
        assert!(told.contains(names), "{told}");
    }
    let none = with(&["--notices=none", "--mail=off"], &[]);
    assert_eq!(none.status.code(), Some(0), "{}", told(&none));
}
