//! The mails that a service in the process has sent.

use std::cell::Cell;

use bienvenue::mail::{Mail, Mailer, Memory, TemplateSettings, Templates};

use super::{Place, eventually};

/// Mails as they come, one after the other.
#[derive(Default)]
pub(crate) struct Mailbox {
    memory: Memory,
    read: Cell<usize>,
}

impl Mailbox {
    /// Where a service sends its mails so that they come here.
    pub(crate) fn mailer(&self) -> Mailer {
        Mailer::Memory(self.memory.clone())
    }

    /// The next mail, once it is there.
    pub(crate) fn next(&self) -> Mail {
        let number = self.read.get();
        eventually("a mail", || self.memory.sent().len() > number);
        self.read.set(number + 1);
        self.memory.sent().swap_remove(number)
    }

    /// Whether there is none that was not read, once the outbox is empty.
    pub(crate) fn is_empty(&self, place: &Place) -> bool {
        let waiting = || place.texts("SELECT letter AS value FROM outbox");
        eventually("an empty outbox", || waiting().is_empty());
        self.memory.sent().len() == self.read.get()
    }
}

/// The token of a mail, as it stands on a line of its own.
pub(crate) fn token_of(mail: &Mail) -> String {
    let mut lines = mail.text.lines();
    let token = lines.find_map(|line| line.strip_prefix("token: "));
    token.expect("a line with the token").trim().to_owned()
}

/// The built-in templates, with pages of an application for their links.
pub(crate) fn templates() -> Templates {
    Templates::new(TemplateSettings {
        folder: None,
        reset_page: Some("https://app.example.org/reset".parse().unwrap()),
        verify_page: Some("https://app.example.org/verify".parse().unwrap()),
        service: "Bienvenue".to_owned(),
        service_url: "http://localhost:5000".to_owned(),
    })
    .unwrap()
}
