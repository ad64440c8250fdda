//! The texts of mails, and their headers.

use std::fs;

use bienvenue::domain::Email;
use bienvenue::mail::{Folder, MailKind, Mailer, SendError, TemplateSettings, Templates};

use super::{TOKEN, draft, email, render, reset, reset_by, settings};
use crate::support::Place;

/// The mail as it lies in a folder.
fn written(to: &str) -> Result<String, SendError> {
    let place = Place::new();
    let path = place.path("mail");
    let folder = Folder::new(path.clone(), email("bienvenue@example.org"));
    Mailer::Folder(folder).send(&reset(to))?;
    let file = fs::read_dir(path).unwrap().next().unwrap().unwrap();
    Ok(fs::read_to_string(file.path()).unwrap())
}

#[test]
fn mail_has_the_headers_of_an_automatic_mail() {
    let mail = written("bob@x.fr").unwrap();
    let (head, _) = mail.split_once("\r\n\r\n").unwrap();
    for header in [
        "From: bienvenue@example.org",
        "To: bob@x.fr",
        "Auto-Submitted: auto-generated",
        "Subject: Reset your password for login.example.org",
        "Date: ",
        "Message-ID: <",
        "Content-Type: multipart/alternative",
    ] {
        assert!(head.lines().any(|line| line.starts_with(header)), "{head}");
    }
}

/// The outcome of a text that a client gives as an address.
#[derive(Debug, PartialEq)]
enum Fate {
    NoEmail,
    NoMail,
    /// It is the one recipient.
    Recipient,
}

#[test]
fn r51_no_address_brings_a_header_or_a_recipient_of_its_own() {
    for (text, expected) in [
        ("bob@x.fr", Fate::Recipient),
        ("bob+shop@x.fr", Fate::Recipient),
        ("bob@x.fr,eve@x.fr", Fate::NoEmail),
        ("bob@x.fr\r\nBcc:eve@x.fr", Fate::NoEmail),
        ("bob@x.fr\u{85}Bcc:eve@x.fr", Fate::NoEmail),
        ("bob\tBcc:eve@x.fr", Fate::NoEmail),
        ("bob,eve@x.fr", Fate::NoMail),
        ("\"bob\"@x.fr", Fate::Recipient),
        ("<bob@x.fr>", Fate::NoMail),
        ("bob:eve;@x.fr", Fate::NoMail),
        ("bob(comment)@x.fr", Fate::NoMail),
        ("bob@x.fr>", Fate::NoMail),
        ("bob@xn--\u{e9}.fr", Fate::NoMail),
        ("=?utf-8?q?bob=0D=0ABcc:eve?=@x.fr", Fate::NoMail),
        ("=?utf-8?q?bob?=@x.fr", Fate::Recipient),
        ("b\u{f6}b@x.fr", Fate::Recipient),
    ] {
        let fate = match Email::parse(text).map(|to| written(to.as_str())) {
            Err(_) => Fate::NoEmail,
            Ok(Err(_)) => Fate::NoMail,
            Ok(Ok(mail)) => {
                let (head, _) = mail.split_once("\r\n\r\n").unwrap();
                let names: Vec<_> = head
                    .lines()
                    .filter(|line| !line.starts_with(' '))
                    .map(|line| line.split(':').next().unwrap())
                    .collect();
                assert_eq!(names, HEADERS, "{text}");
                assert!(head.contains(&format!("\r\nTo: {text}\r\n")), "{head}");
                Fate::Recipient
            }
        };
        assert_eq!(fate, expected, "{text}");
    }
}

/// The headers of every mail; it has no others.
const HEADERS: [&str; 8] = [
    "From",
    "To",
    "Subject",
    "Message-ID",
    "Date",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
];

#[test]
fn lookalike_domain_is_not_folded_into_another() {
    // Full-width letters, which the rules of international names fold into plain ones.
    let result = written("bob@\u{ff45}xample.org");
    assert!(matches!(result, Err(SendError::Refused(_))), "{result:?}");
    let mail = written("bob@b\u{fc}cher.example").unwrap();
    assert!(mail.contains("To: bob@xn--bcher-kva.example\r\n"), "{mail}");
}

#[test]
fn r43_token_is_in_the_fragment_and_on_its_own_line() {
    let mail = reset("bob@x.fr");
    let link = format!("https://app.example.org/reset?lang=en#token={TOKEN}");
    let lines: Vec<&str> = mail.text.lines().filter(|l| l.contains(TOKEN)).collect();
    assert_eq!(lines, [link, format!("token: {TOKEN}")]);
    assert!(!mail.subject.contains(TOKEN));
}

#[test]
fn mail_without_a_page_has_the_command_to_run() {
    let settings = TemplateSettings {
        reset_page: None,
        ..settings()
    };
    let mail = reset_by(settings, "o'hara@x.fr");
    for part in [
        "curl -X PUT https://login.example.org/reset_password",
        &format!("--data-urlencode 'reset_token={TOKEN}'"),
    ] {
        assert!(mail.text.contains(part), "{}", mail.text);
    }
}

/// Of all kinds that keep a `User-Agent`; a new kind with another text of a client belongs here.
#[test]
fn r81_nothing_of_a_request_is_in_a_mail() {
    let templates = Templates::new(settings()).unwrap();
    let details = r#"{"to": "bob@x.fr", "new": "new@x.fr", "at": 1800000000, "days": 7,
        "by_operator": true, "is_passkey": true, "address": "192.0.2.1",
        "user_agent": "Firefox/1 (Linux) call https://evil.example <b>now</b>"}"#;
    for name in MailKind::NAMES {
        let kind = MailKind::from_row(name, Some(details));
        let kind = kind.or_else(|_| MailKind::from_row(name, None)).unwrap();
        let mail = render(&templates, &kind, "bob@x.fr");
        for text in [&mail.subject, &mail.text, &mail.html] {
            assert!(!text.contains("evil"), "{name}: {text}");
        }
        if matches!(kind, MailKind::NewDevice { .. }) {
            assert!(mail.text.contains("Firefox on Linux"), "{}", mail.text);
            assert!(mail.text.contains("2027-01-15T08:00:00Z"), "{}", mail.text);
        }
    }
}

#[test]
fn html_in_an_address_stays_a_text() {
    let mail = reset("<b>&@x.fr");
    assert!(mail.html.contains("&lt;b&gt;&amp;@x.fr"), "{}", mail.html);
}

#[test]
fn template_folder_replaces_mails_and_names_broken_ones() {
    let place = Place::new();
    let with = |name: &str, text: &str| {
        fs::write(place.path(name), text).unwrap();
        Templates::new(TemplateSettings {
            folder: Some(place.folder().to_owned()),
            ..settings()
        })
    };
    let templates = with("test.txt", "Bonjour\n\n{{ email }}, \u{e7}a marche.\n").unwrap();
    let mail = render(&templates, &MailKind::Test, "a@x.fr");
    assert_eq!(mail.subject, "Bonjour");
    assert_eq!(mail.text.trim_end(), "a@x.fr, \u{e7}a marche.");
    for (name, text) in [
        ("test.txt", "no subject"),
        ("test.txt", "Bonjour\n\n{{ unknown }}"),
        ("test.html", "{% if %}"),
        ("tset.html", "a name that no mail has"),
    ] {
        let error = with(name, text).unwrap_err().to_string();
        assert!(error.contains(name), "{name}: {error}");
        fs::remove_file(place.path(name)).unwrap();
    }
}

#[test]
fn subject_with_a_control_character_is_refused() {
    let place = Place::new();
    for subject in [
        "Bon\tjour",
        "Bon\rBcc: eve@x.fr",
        "Bon\u{85}jour",
        "Bon\njour",
    ] {
        fs::write(place.path("test.txt"), format!("{subject}\n\nText\n")).unwrap();
        let refused = Templates::new(TemplateSettings {
            folder: Some(place.folder().to_owned()),
            ..settings()
        });
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("test.txt"), "{subject:?}: {error}");
    }
}

#[test]
fn no_token_is_in_what_is_printed_for_debugging() {
    let bob = email("bob@x.fr");
    let draft = draft(&MailKind::VerifyEmail, &bob);
    assert!(!format!("{draft:?} {:?}", reset("bob@x.fr")).contains(TOKEN));
}
