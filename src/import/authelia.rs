//! Authelia's file of users, `users.yml`, read user by user.

use std::cell::RefCell;
use std::io::{self, BufRead};
use std::iter;
use std::rc::Rc;

use saphyr_parser::{BufferedInput, Event, Parser, ScalarStyle};

use super::{Refusal, SourceRow, SourceRows, SourceUser};

pub(super) fn rows(file: impl BufRead + 'static) -> io::Result<SourceRows> {
    let mut document = Document::new(file);
    document.enter_users()?;
    let mut numbers = 1..;
    let mut is_done = false;
    Ok(Box::new(iter::from_fn(move || {
        if is_done {
            return None;
        }
        let user = document.next_user();
        is_done = !matches!(user, Ok(Some(_)));
        let number = numbers.next().unwrap_or_default();
        Some(
            user.transpose()?
                .map(|user| -> SourceRow { (number, user) }),
        )
    })))
}

/// The characters of a file. An error ends them, and is kept.
struct Characters<R> {
    file: R,
    line: std::vec::IntoIter<char>,
    error: Rc<RefCell<Option<io::Error>>>,
}

impl<R: BufRead> Characters<R> {
    fn next_line(&mut self) -> io::Result<Option<char>> {
        let mut line = Vec::new();
        self.file.read_until(b'\n', &mut line)?;
        let line = String::from_utf8(line).or(Err(malformed("not UTF-8")))?;
        self.line = line.chars().collect::<Vec<char>>().into_iter();
        Ok(self.line.next())
    }
}

impl<R: BufRead> Iterator for Characters<R> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        self.line.next().or_else(|| match self.next_line() {
            Ok(next) => next,
            Err(error) => {
                *self.error.borrow_mut() = Some(error);
                None
            }
        })
    }
}

/// A YAML document, as events.
struct Document<R: BufRead + 'static> {
    events: Parser<'static, BufferedInput<Characters<R>>>,
    error: Rc<RefCell<Option<io::Error>>>,
}

impl<R: BufRead> Document<R> {
    fn new(file: R) -> Self {
        let error = Rc::new(RefCell::new(None));
        let characters = Characters {
            file,
            line: Vec::new().into_iter(),
            error: Rc::clone(&error),
        };
        Self {
            events: Parser::new_from_iter(characters),
            error,
        }
    }

    fn next(&mut self) -> io::Result<Event<'static>> {
        let event = self.events.next_event();
        if let Some(error) = self.error.borrow_mut().take() {
            return Err(error);
        }
        match event {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => Err(malformed(&format!("not YAML: {error}"))),
            None => Ok(Event::StreamEnd),
        }
    }

    /// Reads up to the first user.
    fn enter_users(&mut self) -> io::Result<()> {
        let missing = || malformed("the file has no mapping `users`");
        loop {
            match self.next()? {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::MappingStart(..) => break,
                Event::StreamEnd
                | Event::DocumentEnd
                | Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingEnd => return Err(missing()),
            }
        }
        loop {
            let key = self.next()?;
            if key == Event::MappingEnd {
                return Err(missing());
            }
            let key = self.text_of(key)?;
            let value = self.next()?;
            match (key.as_deref(), &value) {
                (Some("users"), Event::MappingStart(..)) => return Ok(()),
                (Some("users"), _) => return Err(missing()),
                _ => drop(self.text_of(value)?),
            }
        }
    }

    /// The next user; none after the last one.
    fn next_user(&mut self) -> io::Result<Option<Result<SourceUser, Refusal>>> {
        let name = self.next()?;
        if name == Event::MappingEnd {
            return Ok(None);
        }
        self.text_of(name)?;
        let value = self.next()?;
        if !matches!(value, Event::MappingStart(..)) {
            self.text_of(value)?;
            return Ok(Some(Err(refusal("the user is not a mapping"))));
        }
        let mut fields = Fields::default();
        loop {
            let key = self.next()?;
            if key == Event::MappingEnd {
                return Ok(Some(fields.parse()));
            }
            let key = self.text_of(key)?;
            let value = self.next()?;
            match key.as_deref() {
                Some("email") => fields.email = self.text_of(value)?,
                Some("password") => fields.password = self.text_of(value)?,
                Some("disabled") => {
                    let is_text = matches!(value, Event::Scalar(..));
                    let text = self.text_of(value)?;
                    fields.disabled = if is_text { text } else { Some(String::new()) };
                }
                Some("groups") => fields.groups = self.texts_of(value)?,
                Some(_) | None => drop(self.text_of(value)?),
            }
        }
    }

    /// The text of a scalar. None for null, a list or a mapping, which are skipped.
    fn text_of(&mut self, event: Event<'static>) -> io::Result<Option<String>> {
        let mut depth = 0_u64;
        let mut event = event;
        loop {
            match event {
                Event::Scalar(text, style, ..) if depth == 0 => {
                    let is_plain = style == ScalarStyle::Plain;
                    let is_null = is_plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                    return Ok((!is_null).then(|| text.into_owned()));
                }
                Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
                Event::SequenceEnd | Event::MappingEnd => depth = depth.saturating_sub(1),
                Event::StreamEnd | Event::DocumentEnd => {
                    return Err(malformed("not YAML: the file ends within a user"));
                }
                Event::Alias(_) => {
                    return Err(malformed("references (`*name`) are not read"));
                }
                Event::Scalar(..)
                | Event::Nothing
                | Event::StreamStart
                | Event::DocumentStart(_) => {}
            }
            if depth == 0 {
                return Ok(None);
            }
            event = self.next()?;
        }
    }

    /// The texts of a list.
    fn texts_of(&mut self, event: Event<'static>) -> io::Result<Vec<String>> {
        let mut texts = Vec::new();
        if !matches!(event, Event::SequenceStart(..)) {
            self.text_of(event)?;
            return Ok(texts);
        }
        loop {
            let item = self.next()?;
            if item == Event::SequenceEnd {
                return Ok(texts);
            }
            texts.extend(self.text_of(item)?);
        }
    }
}

/// The fields of a user.
#[derive(Default)]
struct Fields {
    email: Option<String>,
    password: Option<String>,
    disabled: Option<String>,
    groups: Vec<String>,
}

impl Fields {
    fn parse(self) -> Result<SourceUser, Refusal> {
        let is_disabled = match self.disabled.as_deref().map(str::to_ascii_lowercase) {
            None => false,
            Some(text) => match text.as_str() {
                "false" | "no" | "off" => false,
                "true" | "yes" | "on" => true,
                _ => return Err(refusal("`disabled` is neither true nor false")),
            },
        };
        Ok(SourceUser {
            email: self
                .email
                .ok_or_else(|| refusal("the user has no `email`"))?,
            hash: self.password,
            is_verified: true,
            is_disabled,
            groups: self.groups,
            created_at: None,
        })
    }
}

fn refusal(reason: &str) -> Refusal {
    Refusal::Malformed(reason.to_owned())
}

fn malformed(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_owned())
}
