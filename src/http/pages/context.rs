//! The context of a template: the values of a view, in a language.

use minijinja::{Value, context};

use super::field::{Field, Kind};
use super::message::Message;
use super::next::Next;
use super::view::View;
use crate::domain::Language;
use crate::i18n::{Catalogue, TextError};

/// The values that all pages have in common.
pub(crate) struct Frame<'a> {
    pub(crate) language: Language,
    pub(crate) service: &'a str,
    pub(crate) style: String,
    pub(crate) script: String,
    pub(crate) logo: Option<String>,
}

/// The values of a page.
pub(crate) fn values(
    frame: &Frame<'_>,
    view: &View,
    next: Option<&Next>,
    catalogue: &Catalogue,
) -> Result<Value, TextError> {
    let text = |message: &Option<Message>| {
        let message = message.as_ref();
        message.map(|message| message.text(catalogue)).transpose()
    };
    let (alert, heading) = (text(&view.alert)?, view.title.text(catalogue)?);
    let title = title(frame, &heading, alert.is_some()).text(catalogue)?;
    let focus = focus(&view.fields);
    let shown = |(at, field)| shown(field, focus == Some(at), catalogue);
    let fields = view.fields.iter().enumerate().map(shown);
    let fields: Vec<Value> = fields.collect::<Result<_, _>>()?;
    let wrong = view.fields.iter().zip(&fields);
    let wrong = wrong.filter(|(field, _)| field.wrong.is_some());
    let invalid: Vec<Value> = wrong.map(|(_, shown)| shown.clone()).collect();
    let common = context! {
        lang => frame.language.tag(),
        service => frame.service,
        style => frame.style.as_str(),
        script => view.has_script.then_some(frame.script.as_str()),
        logo => frame.logo.as_deref(),
        home => "/",
        wide => view.wide,
        title,
        heading,
        alert,
        invalid,
        notice => text(&view.notice)?,
        message => text(&view.message)?,
        fields,
        next => next.map(Next::location),
        next_query => next.map_or_else(String::new, Next::query),
    };
    Ok(context! { ..view.data.clone(), ..common })
}

/// A title that begins with the word for an error, so that screen readers read it first. It stays
/// short: the error itself is the page's alert.
fn title(frame: &Frame<'_>, heading: &str, has_alert: bool) -> Message {
    let title = Message::new(if has_alert {
        "title.alert"
    } else {
        "title.separator"
    });
    title.with("page", heading).with("service", frame.service)
}

/// The field to type in first: one that is wrong, else one that is empty.
fn focus(fields: &[Field]) -> Option<usize> {
    let wrong = fields.iter().position(|field| field.wrong.is_some());
    let is_empty = |field: &Field| field.value.is_empty() && !field.is_optional;
    let empty = || fields.iter().position(is_empty);
    wrong.or_else(empty)
}

fn shown(field: &Field, focus: bool, catalogue: &Catalogue) -> Result<Value, TextError> {
    let text = |message: &Message| message.text(catalogue);
    let wrong = field.wrong.as_ref().map(|wrong| text(&wrong.message));
    let hint = field.hint.as_ref().map(text);
    let ids = [("wrong", wrong.is_some()), ("hint", hint.is_some())];
    let ids = ids.into_iter().filter(|(_, is_there)| *is_there);
    let described_by: Vec<String> = ids
        .map(|(part, _)| format!("{}-{part}", field.name))
        .collect();
    Ok(context! {
        name => field.name,
        label => text(&field.label)?,
        kind => match field.kind {
            Kind::Email => "email",
            Kind::Password => "password",
            Kind::Digits => "digits",
            Kind::Text | Kind::Plain => "text",
        },
        autocomplete => field.autocomplete,
        value => field.value.as_str(),
        required => !field.is_optional,
        wrong => wrong.transpose()?,
        hint => hint.transpose()?,
        described_by => described_by.join(" "),
        focus,
    })
}
