//! The kinds of emails and their values.

use super::*;

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

/// Rows as version 0.1.0 writes them, with their mails.
fn rows() -> Vec<(&'static str, Option<&'static str>, MailKind)> {
    let (bob, new) = (email("bob@x.fr"), email("new@x.fr"));
    let address = Some(ClientIp::new("2001:db8::1".parse().unwrap()));
    let at = Timestamp::from_seconds(1_800_000_000);
    let device = |address, user_agent: Option<&str>| MailKind::NewDevice {
        address,
        user_agent: user_agent.map(str::to_owned),
        at,
    };
    let two = Some(r#"{"to":"bob@x.fr","new":"new@x.fr"}"#);
    let (to, last) = (bob.clone(), Some(new.clone()));
    vec![
        ("password_reset", None, MailKind::PasswordReset),
        ("password_changed", None, MailKind::PasswordChanged),
        ("verify_email", None, MailKind::VerifyEmail),
        (
            "confirm_email",
            Some(r#"{"to":"bob@x.fr"}"#),
            MailKind::ConfirmEmail { to: bob.clone() },
        ),
        (
            "email_changed",
            two,
            MailKind::EmailChanged {
                to: bob.clone(),
                new: new.clone(),
            },
        ),
        (
            "new_device",
            Some(r#"{"address":"2001:db8::1","user_agent":"curl/8","at":1800000000}"#),
            device(address, Some("curl/8")),
        ),
        (
            "new_device",
            Some(r#"{"at":1800000000}"#),
            device(None, None),
        ),
        (
            "account_deleted",
            two,
            MailKind::AccountDeleted {
                to,
                new: last,
                language: None,
            },
        ),
        (
            "account_deleted",
            Some(r#"{"to":"not an address"}"#),
            MailKind::AccountDeleted {
                to: Email::from_stored("not an address".into()),
                new: None,
                language: None,
            },
        ),
        (
            "email_taken_back",
            two,
            MailKind::EmailTakenBack { to: bob, new },
        ),
        ("already_registered", None, MailKind::AlreadyRegistered),
    ]
}

#[test]
fn rows_of_version_0_1_0_are_read() {
    for (name, details, mail) in rows() {
        assert_eq!(MailKind::from_row(name, details).unwrap(), mail, "{name}");
        assert_eq!(mail.name(), name);
    }
}

/// Version 0.1.0 may run on the same database at the same time and must be able to read them.
#[test]
fn rows_are_written_as_version_0_1_0_does() {
    let object = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for (name, details, mail) in rows() {
        let written = mail.row_details();
        assert_eq!(
            written.as_deref().map(object),
            details.map(object),
            "{name}"
        );
    }
}

#[test]
fn an_unreadable_row_is_named() {
    for (name, details, expected) in [
        ("magic_link", None, "unknown kind of mail magic_link"),
        (
            "email_changed",
            Some(r#"{"to":"bob@x.fr"}"#),
            "missing field `new`",
        ),
        ("email_changed", None, "null"),
        ("new_device", Some(r#"{"at":"now"}"#), "expected i64"),
        ("confirm_email", Some("{"), "EOF"),
    ] {
        let error = MailKind::from_row(name, details).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
