//! Mails: their texts and their transports.

mod content;
mod encoding;
mod flood;
mod folder;
mod guide;
mod languages;
mod links;
mod outage;
mod password;
mod program;
pub(crate) mod server;
mod smtp;
mod timing;

use bienvenue::domain::{Email, Language};
use bienvenue::mail::{Mail, MailDraft, MailKind, TemplateSettings, Templates};

const TOKEN: &str = "9b2f3f0e-4f57-4ad0-8b0e-0d8d5b0f6a11";

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

fn settings() -> TemplateSettings {
    TemplateSettings {
        folder: None,
        reset_page: Some("https://app.example.org/reset?lang=en".parse().unwrap()),
        verify_page: Some("https://app.example.org/verify".parse().unwrap()),
        undo_page: Some("https://app.example.org/undo".parse().unwrap()),
        service: "login.example.org".to_owned(),
        service_url: "https://login.example.org".to_owned(),
    }
}

fn reset(to: &str) -> Mail {
    reset_by(settings(), to)
}

fn reset_by(settings: TemplateSettings, to: &str) -> Mail {
    let templates = Templates::new(settings).unwrap();
    render(&templates, &MailKind::PasswordReset, to)
}

/// The mail with a token, for a kind that has one.
fn render(templates: &Templates, kind: &MailKind, to: &str) -> Mail {
    let to = email(to);
    templates.render(&draft(kind, &to)).unwrap()
}

fn draft<'a>(kind: &'a MailKind, to: &'a Email) -> MailDraft<'a> {
    MailDraft {
        kind,
        to,
        account: to,
        language: Language::English,
        token: kind.token().map(|_| TOKEN.into()),
        audit_head: None,
    }
}
