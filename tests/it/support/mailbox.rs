//! The mails that a service in the process has sent.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use bienvenue::mail::{Mail, Mailer, Memory, TemplateSettings, Templates};

use super::{Place, eventually};

/// Mails as they come, one after the other.
#[derive(Default)]
pub(crate) struct Mailbox {
    memory: Memory,
    read: RefCell<BTreeSet<usize>>,
}

impl Mailbox {
    /// Where a service sends its mails so that they come here.
    pub(crate) fn mailer(&self) -> Mailer {
        Mailer::Memory(self.memory.clone())
    }

    /// The next mail, once it is there.
    pub(crate) fn next(&self) -> Mail {
        self.next_that("a mail", |_| true)
    }

    /// The next mail to an address: mails that are queued together come in any order.
    pub(crate) fn next_to(&self, email: &str) -> Mail {
        self.next_that(email, |mail| mail.to.as_str() == email)
    }

    fn next_that(&self, what: &str, is_it: impl Fn(&Mail) -> bool) -> Mail {
        let unread = || {
            let sent = self.memory.sent().into_iter().enumerate();
            let read = self.read.borrow();
            sent.filter(|(number, _)| !read.contains(number))
                .find(|(_, mail)| is_it(mail))
        };
        eventually(what, || unread().is_some());
        let (number, mail) = unread().unwrap();
        self.read.borrow_mut().insert(number);
        mail
    }

    /// Whether there is none that was not read, once the outbox is empty.
    pub(crate) fn is_empty(&self, place: &Place) -> bool {
        let waiting = || place.texts("SELECT letter AS value FROM outbox");
        eventually("an empty outbox", || waiting().is_empty());
        self.memory.sent().len() == self.read.borrow().len()
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
    static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| {
        Templates::new(TemplateSettings {
            folder: None,
            reset_page: Some("https://app.example.org/reset".parse().unwrap()),
            verify_page: Some("https://app.example.org/verify".parse().unwrap()),
            undo_page: Some("https://app.example.org/undo".parse().unwrap()),
            service: "Bienvenue".to_owned(),
            service_url: "http://localhost:5000".to_owned(),
        })
        .unwrap()
    });
    TEMPLATES.clone()
}
