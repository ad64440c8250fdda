//! The content of a page, without its language.

use minijinja::{Value, context};

use super::field::Field;
use super::message::Message;

/// A page without its language.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) template: &'static str,
    /// Title and heading.
    pub(crate) title: Message,
    pub(crate) fields: Vec<Field>,
    /// The error, if there is one.
    pub(crate) alert: Option<Message>,
    /// The confirmation of what was done.
    pub(crate) notice: Option<Message>,
    /// The text that the page shows instead of a form.
    pub(crate) message: Option<Message>,
    pub(crate) wide: bool,
    /// Whether it has the script for passkeys.
    pub(crate) has_script: bool,
    /// Values for this template only.
    pub(crate) data: Value,
}

impl View {
    pub(crate) fn new(template: &'static str, title: &'static str) -> Self {
        Self {
            template,
            title: Message::new(title),
            fields: Vec::new(),
            alert: None,
            notice: None,
            message: None,
            wide: false,
            has_script: false,
            data: context! {},
        }
    }

    pub(crate) fn fields(self, fields: impl Into<Vec<Field>>) -> Self {
        Self {
            fields: fields.into(),
            ..self
        }
    }

    pub(crate) fn notice(self, notice: Option<Message>) -> Self {
        Self { notice, ..self }
    }

    pub(crate) fn alert(self, alert: Message) -> Self {
        Self {
            alert: Some(alert),
            ..self
        }
    }

    pub(crate) fn message(self, message: Message) -> Self {
        Self {
            message: Some(message),
            ..self
        }
    }

    pub(crate) fn wide(self) -> Self {
        Self { wide: true, ..self }
    }

    /// Adds the script for passkeys.
    pub(crate) fn script(self, has_script: bool) -> Self {
        Self { has_script, ..self }
    }

    pub(crate) fn data(self, data: Value) -> Self {
        Self { data, ..self }
    }
}
