//! The outcome of a mail at a mail server, and the operator's log lines.

use std::process::Output;

use bienvenue::mail::{Mailer, SendError, Smtp, SmtpSettings};

use super::server::MailServer;
use super::{TOKEN, reset};
use crate::support::Place;
use crate::support::program::{finish, program, told};

/// The outcome of a mail at a server with this behaviour.
fn sent_to_one_that(behaviour: &str) -> Option<Result<(), SendError>> {
    let server = MailServer::that(behaviour)?;
    let result = server.mailer().send(&reset("bob@x.fr"));
    assert_eq!(server.received().is_some(), result.is_ok(), "{behaviour}");
    Some(result)
}

#[test]
fn a_server_gets_the_mail_for_its_recipient() {
    let Some(server) = MailServer::that("takes") else {
        return;
    };
    server.mailer().send(&reset("bob@x.fr")).unwrap();
    let (mail, to) = server.received().unwrap();
    assert_eq!(to, "bob@x.fr");
    assert!(mail.contains(&format!("token: {TOKEN}\r\n")), "{mail}");
}

#[test]
fn mail_refused_by_the_server_is_not_retried() {
    for behaviour in ["refuses-the-recipient", "refuses-the-content"] {
        if let Some(result) = sent_to_one_that(behaviour) {
            assert!(matches!(result, Err(SendError::Refused(_))), "{result:?}");
        }
    }
}

#[test]
fn r72_refusal_by_a_server_is_logged_without_the_address() {
    if let Some(result) = sent_to_one_that("refuses-the-recipient") {
        let told = result.unwrap_err().to_string();
        assert!(told.contains("no user of that name"), "{told}");
        assert!(!told.contains("bob"), "{told}");
    }
}

#[test]
fn temporary_server_error_is_retried() {
    for behaviour in ["greylists", "refuses-the-sender", "is-slow", "breaks-off"] {
        if let Some(result) = sent_to_one_that(behaviour) {
            assert!(matches!(result, Err(SendError::Later(_))), "{result:?}");
        }
    }
}

#[test]
fn f21_unreachable_server_does_not_count_against_the_mail() {
    let Some(server) = MailServer::that("takes") else {
        return;
    };
    let mailer = server.mailer();
    drop(server);
    let result = mailer.send(&reset("bob@x.fr"));
    assert!(matches!(result, Err(SendError::Away(_))), "{result:?}");
}

#[test]
fn f21_dripping_server_is_cut_off() {
    for (behaviour, away) in [("drips-its-greeting", true), ("drips-its-answer", false)] {
        let Some(result) = sent_to_one_that(behaviour) else {
            return;
        };
        match result {
            Err(SendError::Away(_)) => assert!(away, "{behaviour}"),
            Err(SendError::Later(_)) => assert!(!away, "{behaviour}"),
            Err(SendError::Refused(_)) | Ok(()) => panic!("{behaviour}: {result:?}"),
        }
    }
}

#[test]
fn smtp_login_works_and_a_wrong_password_is_reported() {
    let Some(server) = MailServer::that("asks-who") else {
        return;
    };
    for (password, taken) in [("s3cret word", true), ("wrong", false)] {
        let mut settings = server.settings();
        settings.login = Some(("bob".to_owned(), password.into()));
        let mailer = Mailer::Smtp(Smtp::new(settings).unwrap());
        assert!(!format!("{mailer:?}").contains(password));
        let result = mailer.send(&reset("bob@x.fr"));
        assert_eq!(result.is_ok(), taken, "{result:?}");
        assert!(
            taken || matches!(result, Err(SendError::Away(_))),
            "{result:?}"
        );
    }
}

#[test]
fn remote_server_without_tls_gets_nothing() {
    let Some(server) = MailServer::that("takes") else {
        return;
    };
    let mut settings = server.settings();
    // Leads to this machine, and is not known for it.
    settings.host = "0.0.0.0".to_owned();
    let mailer = Mailer::Smtp(Smtp::new(settings).unwrap());
    let result = mailer.send(&reset("bob@x.fr"));
    assert!(matches!(result, Err(SendError::Away(_))), "{result:?}");
    assert_eq!(server.received(), None);
}

/// `bienvenue mail test` over TLS, with the system's certificates or those of a file.
fn try_tls(server: &MailServer, trusts_it: bool) -> Output {
    let place = Place::new();
    let target = format!("smtps://localhost:{}", server.port);
    let arguments = ["mail", "test", "bob@x.fr", "--mail", &target];
    let mut command = program(place.folder(), &arguments);
    if trusts_it {
        command.env("SSL_CERT_FILE", server.folder.path().join("cert.pem"));
    }
    finish(command)
}

#[test]
fn self_signed_certificate_is_refused_unless_trusted() {
    let Some(server) = MailServer::that("speaks-tls") else {
        return;
    };
    let refused = try_tls(&server, false);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    assert_eq!(server.received(), None);

    let place = format!("localhost:{}", server.port);
    let told_why = told(&refused);
    assert!(
        told_why.contains("the certificate of the mail server is not trusted ("),
        "{told_why}"
    );
    assert!(told_why.contains(&place), "{told_why}");

    let taken = try_tls(&server, true);
    assert_eq!(taken.status.code(), Some(0), "{}", told(&taken));
    assert!(server.received().is_some());
    let done = String::from_utf8(taken.stdout).unwrap();
    assert_eq!(done, format!("{place} accepted the mail to bob@x.fr\n"));
}

/// The error of a mail at that server, with `HOST` for host and port.
fn why(settings: SmtpSettings) -> String {
    let name = format!("{}:{}", settings.host, settings.port.unwrap());
    let smtp = Smtp::new(settings).unwrap();
    assert_eq!(smtp.server(), name);
    let why = smtp.send(&reset("bob@x.fr")).unwrap_err().to_string();
    why.replace(&name, "HOST")
}

#[test]
fn response_of_a_mail_server_is_logged_with_its_port() {
    let Some(server) = MailServer::that("takes") else {
        return;
    };
    for (behaviour, expected) in [
        (
            "greylists",
            "deferred by the mail server (450 4.2.0 come back later, HOST)",
        ),
        (
            "refuses-the-recipient",
            "rejected by the mail server (550 5.1.1 ... no user of that name, HOST)",
        ),
        (
            "refuses-the-content",
            "rejected by the mail server (554 5.6.0 not this, HOST)",
        ),
        (
            "refuses-the-sender",
            "the mail server rejects the sender's address (550 5.7.1 not you, HOST). Check \
             --mail-from (BIENVENUE_MAIL_FROM)",
        ),
        (
            "is-slow",
            "the mail server did not accept the mail in time (HOST)",
        ),
        (
            "breaks-off",
            "the mail server broke off the connection (incomplete response, HOST)",
        ),
        (
            "drips-its-greeting",
            "the mail server cannot be reached (no answer in time, HOST); if the port begins with \
             TLS, use smtps://",
        ),
    ] {
        server.becomes(behaviour);
        assert_eq!(why(server.settings()), expected, "{behaviour}");
    }
    let settings = server.settings();
    drop(server);
    let refused = "the mail server cannot be reached (connection refused, HOST)";
    assert_eq!(why(settings), refused);
}

#[test]
fn unresolvable_mail_server_is_logged() {
    let told = why(SmtpSettings {
        host: "mail.invalid".to_owned(),
        port: Some(587),
        implicit_tls: false,
        login: None,
        from: super::email("bienvenue@example.org"),
        patience: None,
    });
    let begin = "the mail server cannot be reached (name not found: ";
    assert!(told.starts_with(begin), "{told}");
    assert!(told.ends_with(", HOST)"), "{told}");
}

#[test]
fn missing_tls_or_login_of_a_mail_server_is_logged() {
    let Some(server) = MailServer::that("takes") else {
        return;
    };
    let mut settings = server.settings();
    settings.implicit_tls = true;
    let no_tls = "the server does not speak TLS on this port (HOST); use smtp:// or another port";
    assert_eq!(why(settings), no_tls);

    let mut settings = server.settings();
    settings.host = "0.0.0.0".to_owned();
    let no_starttls = "the server offers no TLS (STARTTLS) on this port (HOST); use smtps:// or \
                       another port";
    assert_eq!(why(settings), no_starttls);

    for (behaviour, password, expected) in [
        (
            "speaks-tls-when-asked",
            "s3cret word",
            "the server offers no login here (HOST); usually because the connection has no TLS. \
             Use smtps://, or leave out --mail-user (BIENVENUE_MAIL_USER)",
        ),
        (
            "asks-who",
            "wrong",
            "the mail server rejects the login (535 5.7.8 Authentication credentials invalid, \
             HOST). Check --mail-user and --mail-password",
        ),
    ] {
        let server = MailServer::that(behaviour).unwrap();
        let mut settings = server.settings();
        settings.login = Some(("bob".to_owned(), password.into()));
        assert_eq!(why(settings), expected);
    }
}
