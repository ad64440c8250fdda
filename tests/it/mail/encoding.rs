//! Links can be copied from a mail as it is stored and sent.

use std::fs;

use bienvenue::mail::{Folder, Mail, TemplateSettings};

use super::server::MailServer;
use super::{TOKEN, email, reset_by, settings};
use crate::support::Place;

/// A reset mail with a link of more than 76 characters, by a service of that name.
fn mail_of(service: &str) -> (Mail, String) {
    let page = format!("https://app.example.org/{}?lang=en", "reset/".repeat(20));
    let settings = TemplateSettings {
        reset_page: Some(page.parse().unwrap()),
        service: service.to_owned(),
        ..settings()
    };
    let link = format!("{page}#token={TOKEN}");
    (reset_by(settings, "bob@x.fr"), link)
}

/// The mail as it lies in a folder.
fn written(mail: &Mail) -> String {
    let place = Place::new();
    let folder = Folder::new(place.path("mail"), email("bienvenue@example.org"));
    fs::read_to_string(folder.send(mail).unwrap()).unwrap()
}

fn encodings(mail: &str) -> Vec<&str> {
    let lines = mail.lines();
    lines
        .filter_map(|line| line.strip_prefix("Content-Transfer-Encoding: "))
        .collect()
}

#[test]
fn link_in_a_mail_file_is_whole() {
    for (service, encoding) in [("Acme", "7bit"), ("Caf\u{e9} d'\u{e9}t\u{e9}", "8bit")] {
        let (mail, link) = mail_of(service);
        let file = written(&mail);
        assert_eq!(encodings(&file), [encoding; 2], "{file}");
        assert!(file.contains(&format!("\r\n{link}\r\n")), "{file}");
        assert!(
            file.replace("\r\n", " ")
                .contains(&format!(" your {service} account, ")),
            "{file}"
        );
    }
}

#[test]
fn line_that_is_too_long_for_mail_is_encoded() {
    for (length, encoding) in [(998, "7bit"), (999, "quoted-printable")] {
        let mail = Mail {
            text: format!("short\n{}\n", "a".repeat(length)),
            ..mail_of("Acme").0
        };
        let file = written(&mail);
        assert_eq!(encodings(&file)[0], encoding, "{length}");
        assert!(file.lines().all(|line| line.len() <= 998), "{length}");
    }
}

#[test]
fn line_ends_of_a_template_become_those_of_a_mail() {
    let mail = Mail {
        text: "one\r\ntwo\rthree\nfour\n".to_owned(),
        ..mail_of("Acme").0
    };
    let file = written(&mail);
    let lines = "\r\none\r\ntwo\r\nthree\r\nfour\r\n";
    assert!(file.contains(lines), "{file}");
}

#[test]
fn server_gets_8_bits_only_if_it_takes_them() {
    let Some(server) = MailServer::that("takes-seven-bits") else {
        return;
    };
    let (mail, link) = mail_of("Caf\u{e9}");
    server.mailer().send(&mail).unwrap();
    server.becomes("takes");
    server.mailer().send(&mail).unwrap();
    server.becomes("takes-seven-bits");
    server.mailer().send(&mail_of("Acme").0).unwrap();
    let mails = server.mails();
    let [seven, eight, ascii] = [0, 1, 2].map(|number| mails[number].0.as_str());
    assert!(seven.is_ascii(), "{seven}");
    assert!(!encodings(seven).contains(&"8bit"), "{seven}");
    assert_eq!(encodings(eight), ["8bit"; 2]);
    assert_eq!(encodings(ascii), ["7bit"; 2]);
    for mail in [eight, ascii] {
        assert!(mail.contains(&format!("\r\n{link}\r\n")), "{mail}");
    }
}
