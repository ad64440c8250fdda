//! Where settings come from: flags, variables, a file of them, secrets in files of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::Place;
use crate::support::program::{finish, program, told};

/// Creates the database that the settings name, and ends.
fn migrate(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = program(place.folder(), &["db", "migrate"]);
    command.args(arguments).envs(variables.iter().copied());
    finish(command)
}

/// The databases in the place.
fn databases(place: &Place) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(place.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|e| e == "db"))
        .collect();
    names.sort();
    names
}

fn created(place: &Place, output: &Output) -> Vec<String> {
    assert_eq!(output.status.code(), Some(0), "{}", told(output));
    databases(place)
}

fn refused(place: &Place, output: &Output) -> String {
    let told = told(output);
    assert_eq!(output.status.code(), Some(78), "{told}");
    assert_eq!(databases(place), [""; 0], "{told}");
    assert!(!told.contains("s3cret"), "{told}");
    told
}

/// Writes a file that only its owner reads.
fn write(place: &Place, name: &str, text: &str) -> String {
    let path = place.path(name);
    fs::write(&path, text).unwrap();
    mode(&path, 0o600);
    path.to_str().unwrap().to_owned()
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn flag_beats_variable_beats_file_beats_default() {
    let file = "DATABASE_URL=sqlite://file.db\n";
    let (flag, variable) = ("--database-url=sqlite://flag.db", "sqlite://variable.db");
    let variable: &[(&str, &str)] = &[("DATABASE_URL", variable)];
    let made = |arguments: &[&str], variables| {
        let place = Place::new();
        let config = format!("--config={}", write(&place, "b.env", file));
        let arguments: Vec<&str> = arguments
            .iter()
            .map(|a| if *a == "FILE" { config.as_str() } else { *a })
            .collect();
        created(&place, &migrate(&place, &arguments, variables))
    };
    assert_eq!(made(&["FILE", flag], variable), ["flag.db"]);
    assert_eq!(made(&["FILE"], variable), ["variable.db"]);
    assert_eq!(made(&["FILE"], &[]), ["file.db"]);
    assert_eq!(made(&[], &[]), ["bienvenue.db"]);
    assert_eq!(made(&[flag], &[]), ["flag.db"]);
    assert_eq!(made(&[flag], variable), ["flag.db"]);
}

#[test]
fn the_file_is_named_by_flag_or_variable() {
    let by_flag = Place::new();
    write(&by_flag, "b.env", "DATABASE_URL=sqlite://file.db");
    let output = migrate(&by_flag, &["--config", "b.env"], &[]);
    assert_eq!(created(&by_flag, &output), ["file.db"]);

    let by_variable = Place::new();
    write(&by_variable, "b.env", "DATABASE_URL=sqlite://file.db");
    let output = migrate(&by_variable, &[], &[("BIENVENUE_CONFIG", "b.env")]);
    assert_eq!(created(&by_variable, &output), ["file.db"]);

    let nowhere = Place::new();
    let output = migrate(&nowhere, &["--config", "none.env"], &[]);
    let told = refused(&nowhere, &output);
    assert!(told.contains("none.env"), "{told}");
    assert!(told.contains("--config"), "{told}");
}

#[test]
fn settings_file_allows_comments_quotes_and_equals_signs() {
    for line in [
        "DATABASE_URL=sqlite://a=b.db",
        "DATABASE_URL=\"sqlite://a=b.db\"",
        "DATABASE_URL='sqlite://a=b.db'",
        "  DATABASE_URL = sqlite://a=b.db  ",
        "DATABASE_URL=sqlite://not-the-last.db\nDATABASE_URL=sqlite://a=b.db",
        "DATABASE_URL=sqlite://a=b.db\r\nRUST_LOG=info\r",
    ] {
        let place = Place::new();
        let text =
            format!("# The settings\n\n  # of Bienvenue\n{line}\nBIENVENUE_BCRYPT_COST=10\n");
        let file = write(&place, "b.env", &text);
        let output = migrate(&place, &["--config", &file], &[]);
        assert_eq!(created(&place, &output), ["a=b.db"], "{line}");
    }
}

#[test]
fn the_level_of_the_log_comes_from_the_file_too() {
    let place = Place::new();
    let file = write(&place, "b.env", "RUST_LOG=off\n");
    let output = migrate(&place, &["--config", &file], &[]);
    assert_eq!(created(&place, &output), ["bienvenue.db"]);
    assert_eq!(told(&output), "");
    let output = migrate(&place, &["--config", &file], &[("RUST_LOG", "info")]);
    assert!(
        told(&output).contains("schema current"),
        "{}",
        told(&output)
    );
}

#[test]
fn bad_line_of_the_settings_file_is_refused_by_its_place() {
    for (line, named) in [
        ("BIENVENUE_BNID=s3cret", "BIENVENUE_BNID"),
        ("BIND=s3cret", "BIND"),
        ("s3cret", "line 3"),
        ("export DATABASE_URL=s3cret", "export DATABASE_URL"),
    ] {
        let place = Place::new();
        write(&place, "b.env", &format!("# settings\n\n{line}\n"));
        let told = refused(&place, &migrate(&place, &["--config", "b.env"], &[]));
        assert!(told.contains("b.env"), "{told}");
        assert!(told.contains(named), "{told}");
    }
}

#[test]
fn a_file_cannot_name_another_file() {
    let place = Place::new();
    let file = write(&place, "settings", "BIENVENUE_CONFIG=/etc/other\n");
    let told = refused(&place, &migrate(&place, &["--config", &file], &[]));
    assert!(told.contains("BIENVENUE_CONFIG"), "{told}");
}

#[test]
fn bad_value_in_the_file_is_refused_without_showing_it() {
    for (name, flag) in [
        ("DATABASE_URL", "--database-url"),
        ("BIENVENUE_MAIL", "--mail"),
    ] {
        let place = Place::new();
        write(&place, "b.env", &format!("{name}=nowhere://me:s3cret@h\n"));
        let told = refused(&place, &migrate(&place, &["--config", "b.env"], &[]));
        assert!(told.contains(&format!("{flag} ({name})")), "{told}");
    }
}

#[test]
fn a_secret_comes_from_a_file_of_its_own() {
    let place = Place::new();
    let secret = write(&place, "url", "sqlite://secret.db\n");
    let output = migrate(&place, &[], &[("DATABASE_URL_FILE", &secret)]);
    assert_eq!(created(&place, &output), ["secret.db"]);

    // The file of settings may name it, and a flag still wins.
    let place = Place::new();
    let secret = write(&place, "url", "sqlite://secret.db");
    write(&place, "b.env", &format!("DATABASE_URL_FILE={secret}\n"));
    let output = migrate(&place, &["--config", "b.env"], &[]);
    assert_eq!(created(&place, &output), ["secret.db"]);
    let flag = "--database-url=sqlite://flag.db";
    let output = migrate(&place, &["--config", "b.env", flag], &[]);
    assert_eq!(created(&place, &output), ["flag.db", "secret.db"]);
}

#[test]
fn r64_secret_file_that_others_read_is_refused() {
    for (name, content) in [
        ("DATABASE_URL", "sqlite://s3cret.db"),
        ("BIENVENUE_MAIL", "smtp://me:s3cret@h"),
    ] {
        for open in [0o604, 0o640, 0o644] {
            let place = Place::new();
            let secret = write(&place, "url", content);
            mode(Path::new(&secret), open);
            let variable = format!("{name}_FILE");
            let told = refused(&place, &migrate(&place, &[], &[(&variable, &secret)]));
            assert!(told.contains(&secret), "{told}");
            assert!(told.contains(&variable), "{told}");
            assert!(told.contains("chmod 600"), "{told}");
        }
    }
}

#[test]
fn a_secret_set_twice_or_missing_or_bad_is_refused() {
    let place = Place::new();
    let secret = write(&place, "url", "sqlite://s3cret.db");
    let both = [
        ("DATABASE_URL", "sqlite://s3cret.db"),
        ("DATABASE_URL_FILE", secret.as_str()),
    ];
    let told = refused(&place, &migrate(&place, &[], &both));
    assert!(
        told.contains("DATABASE_URL and DATABASE_URL_FILE"),
        "{told}"
    );

    let told = refused(
        &place,
        &migrate(&place, &[], &[("DATABASE_URL_FILE", "none")]),
    );
    assert!(
        told.contains("cannot read none (DATABASE_URL_FILE)"),
        "{told}"
    );

    write(&place, "bad", "mysql://me:s3cret@h");
    let told = refused(
        &place,
        &migrate(&place, &[], &[("DATABASE_URL_FILE", "bad")]),
    );
    assert!(told.contains("--database-url (DATABASE_URL)"), "{told}");
}

/// A folder of credentials, as systemd hands one to a unit with a user of its own: owned by
/// root, and open to the service by an access list, which shows as the group's permission.
fn credentials(place: &Place) -> PathBuf {
    let folder = place.path("credentials");
    fs::create_dir(&folder).unwrap();
    write(place, "credentials/DATABASE_URL", "sqlite://credential.db");
    mode(&folder.join("DATABASE_URL"), 0o440);
    folder
}

#[test]
fn a_credential_of_systemd_is_a_secret_of_that_name() {
    let place = Place::new();
    let folder = credentials(&place);
    let folder = ("CREDENTIALS_DIRECTORY", folder.to_str().unwrap());
    let output = migrate(&place, &[], &[folder]);
    assert_eq!(created(&place, &output), ["credential.db"]);
    let output = migrate(&place, &[], &[folder, ("DATABASE_URL", "sqlite://mine.db")]);
    assert_eq!(created(&place, &output), ["credential.db", "mine.db"]);
}

#[test]
fn a_credential_of_systemd_may_be_named_as_a_file() {
    let place = Place::new();
    let folder = credentials(&place);
    let file = folder.join("DATABASE_URL");
    let variables = [
        ("CREDENTIALS_DIRECTORY", folder.to_str().unwrap()),
        ("DATABASE_URL_FILE", file.to_str().unwrap()),
    ];
    let output = migrate(&place, &[], &variables);
    assert_eq!(created(&place, &output), ["credential.db"]);
}

#[test]
fn a_folder_of_credentials_without_ours_changes_nothing() {
    let place = Place::new();
    let folder = place.path("credentials");
    fs::create_dir(&folder).unwrap();
    let variable = ("CREDENTIALS_DIRECTORY", folder.to_str().unwrap());
    let output = migrate(&place, &[], &[variable]);
    assert_eq!(created(&place, &output), ["bienvenue.db"]);
}
