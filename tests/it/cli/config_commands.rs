//! `bienvenue config`, `db status`, `completions` and `man`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

use bienvenue::cli::Cli;
use clap::CommandFactory;
use serde_json::Value;

use crate::support::program::{Server, finish, program, run, told};
use crate::support::{Engine, Place, has_tool};

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", told(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn config_show_names_the_source_and_hides_secrets() {
    let place = Place::new();
    let file = place.path("settings.env");
    fs::write(
        &file,
        "BIENVENUE_MAIL=smtp://bob:in_the_url@mail.x.fr\nBIENVENUE_BIND=127.0.0.1:7000\n",
    )
    .unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let config = format!("--config={}", file.display());
    let arguments = ["config", "show", "--json", "--session-idle=2d", &config];
    let mut command = program(place.folder(), &arguments);
    command.env("BIENVENUE_BCRYPT_COST", "5");
    let text = printed(&finish(command));
    assert!(!text.contains("in_the_url"), "{text}");
    let settings: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |variable: &str| {
        let setting = settings.iter().find(|s| s["variable"] == variable);
        let setting = setting.unwrap_or_else(|| panic!("{variable}: {text}"));
        (setting["value"].clone(), setting["source"].clone())
    };
    for (variable, value, source) in [
        ("BIENVENUE_SESSION_IDLE", Value::from("2d"), "flag"),
        ("BIENVENUE_BCRYPT_COST", Value::from("5"), "variable"),
        ("BIENVENUE_BIND", Value::from("127.0.0.1:7000"), "file"),
        ("BIENVENUE_MAIL", Value::from("(hidden)"), "file"),
        ("BIENVENUE_PUBLIC_URL", Value::Null, "default"),
        ("BIENVENUE_REGISTRATION", Value::from("reveal"), "default"),
    ] {
        assert_eq!(of(variable), (value, Value::from(source)), "{variable}");
    }
}

/// Every setting whose help names a default has a value, also one that depends on other settings.
#[test]
fn config_show_has_the_defaults_of_derived_settings() {
    let place = Place::new();
    let show = |more: &[&str]| -> Vec<Value> {
        let arguments = [&["config", "show", "--json"], more].concat();
        let text = printed(&run(place.folder(), &arguments));
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let derived = |settings: &[Value]| -> Vec<(String, String)> {
        let derived = settings.iter().filter(|s| s["source"] == "derived");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        derived
            .map(|s| (text(&s["flag"]), text(&s["value"])))
            .filter(|(flag, _)| !matches!(&**flag, "--config" | "--hash-threads"))
            .collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = |(flag, value): &(&str, &str)| ((*flag).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    };
    let development = show(&["--session-lifetime=12h"]);
    assert_eq!(
        derived(&development),
        pairs(&[
            ("--bind", "0.0.0.0:5000"),
            ("--trusted-proxies", "none"),
            ("--password-min-length", "1"),
            ("--sessions-per-user", "1"),
            ("--session-idle", "12h"),
            ("--mail", "dir:mail"),
            ("--mail-from", "bienvenue@localhost"),
            ("--reset-page", "http://localhost:5000/reset"),
            ("--verify-page", "http://localhost:5000/verify-email"),
            ("--secret-key-file", "bienvenue.db.secret-key"),
        ])
    );
    let url = "--public-url=https://login.example.org";
    let production = show(&[
        url,
        "--second-factor=required",
        "--reset-page=https://a.fr/r",
    ]);
    assert_eq!(
        derived(&production),
        pairs(&[
            ("--bind", "127.0.0.1:5000"),
            ("--trusted-proxies", "127.0.0.0/8,::1/128"),
            ("--password-min-length", "8"),
            ("--sessions-per-user", "10"),
            ("--session-idle", "1d"),
            ("--mail", "dir:mail"),
            ("--mail-from", "bienvenue@login.example.org"),
            ("--verify-page", "https://login.example.org/verify-email"),
            ("--secret-key-file", "bienvenue.db.secret-key"),
        ])
    );
    // A default for each mode that is missing in `derived`.
    for shown in development.iter().chain(&production) {
        assert!(
            !shown["value"].to_string().contains("--public-url"),
            "{shown}"
        );
    }
    let settings = Cli::command();
    for setting in settings.get_arguments().filter(|s| s.get_env().is_some()) {
        let help = setting.get_help().unwrap().to_string();
        let flag = format!("--{}", setting.get_long().unwrap());
        let names_a_default = help.contains("[default: ") && !help.contains("[default: none");
        let shown = development.iter().find(|s| s["flag"] == *flag).unwrap();
        let may_be_missing = ["--config"].contains(&&*flag);
        assert!(
            !names_a_default || may_be_missing || !shown["value"].is_null(),
            "{flag}"
        );
    }
}

#[test]
fn config_check_finds_what_only_a_start_checks() {
    let place = Place::new();
    assert_eq!(
        printed(&run(place.folder(), &["config", "check"])),
        "the settings are valid\n"
    );
    let bad = run(place.folder(), &["config", "check", "--bcrypt-cost=99"]);
    assert_eq!(bad.status.code(), Some(2), "{}", told(&bad));
    fs::create_dir(place.path("mails")).unwrap();
    fs::write(
        place.path("mails/password_reset.txt"),
        "Subject\n\n{{ nothing",
    )
    .unwrap();
    let bad = run(
        place.folder(),
        &["config", "check", "--mail-templates=mails"],
    );
    assert!(!bad.status.success());
    assert!(told(&bad).contains("password_reset"), "{}", told(&bad));
    assert!(!place.path("bienvenue.db").exists(), "no database is made");
}

#[test]
fn db_status_tells_schema_and_use() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::on(engine) else {
            continue;
        };
        let status = || {
            let mut command = program(place.folder(), &["db", "status", "--json"]);
            command.env("DATABASE_URL", place.url_text());
            finish(command)
        };
        if engine == Engine::Sqlite {
            assert_eq!(status().status.code(), Some(78), "there is no database");
        }
        let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
        command.env("DATABASE_URL", place.url_text());
        let server = Server::spawn(command);
        let json: Value = serde_json::from_str(&printed(&status())).unwrap();
        assert_eq!(json["schema"], "current");
        let is_sqlite = engine == Engine::Sqlite;
        let in_use = if is_sqlite {
            Value::Bool(true)
        } else {
            Value::Null
        };
        assert_eq!(json["in_use"], in_use);
        drop(server);
        if is_sqlite {
            let json: Value = serde_json::from_str(&printed(&status())).unwrap();
            assert_eq!(json["in_use"], false);
            assert!(json["bytes"].as_u64().unwrap() > 0);
        }
    }
}

#[test]
fn completions_are_valid_and_complete() {
    let place = Place::new();
    let completions = |shell| {
        // More than a pipe holds: it is read while the program runs.
        let output = program(place.folder(), &["completions", shell]).output();
        printed(&output.unwrap())
    };
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = completions(shell);
        assert!(script.contains("set-password"), "{shell}");
    }
    if has_tool("bash") {
        fs::write(place.path("completions.bash"), completions("bash")).unwrap();
        let script = ". ./completions.bash; COMP_WORDS=(bienvenue user d); COMP_CWORD=2; \
                      _bienvenue bienvenue d user; echo ${COMPREPLY[@]}";
        let mut command = std::process::Command::new("bash");
        command.args(["-c", script]).current_dir(place.folder());
        let words = printed(&command.output().unwrap());
        assert_eq!(words.trim(), "disable delete");
    }
}

/// As for `bienvenue completions zsh | head`.
#[test]
fn output_that_is_not_read_to_its_end_is_no_error() {
    let place = Place::new();
    run(place.folder(), &["db", "migrate"]);
    for arguments in [
        vec!["completions", "zsh"],
        vec!["man"],
        vec!["user", "list"],
    ] {
        let mut command = program(place.folder(), &arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
    }
}

#[test]
fn manual_pages_are_written() {
    let place = Place::new();
    let output = program(place.folder(), &["man"]).output().unwrap();
    let page = printed(&output);
    assert!(
        page.starts_with(".ie") || page.contains(".TH bienvenue 1"),
        "{page}"
    );
    fs::create_dir(place.path("man1")).unwrap();
    printed(&run(place.folder(), &["man", "--folder", "man1"]));
    let page = fs::read_to_string(place.path("man1/bienvenue-user-disable.1")).unwrap();
    assert!(
        page.contains("bienvenue user disable bob@example.org"),
        "{page}"
    );
}
