//! Reads the users of a realm's file one by one. The parser pushes values, so it has a thread of
//! its own, which is at most some rows ahead.

use std::fmt;
use std::io::{self, Read};
use std::iter;
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use serde::de::{
    DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Deserializer, Value};

use super::parse;
use crate::import::bounded::EntryLimit;
use crate::import::{SourceRow, SourceRows};

/// How many rows the thread may be ahead.
const AHEAD: usize = 100;

/// What the thread sends: rows, then none or an error. If nothing more comes, it has panicked.
type Message = io::Result<Option<SourceRow>>;

pub(in crate::import) fn rows(
    file: impl Read + Send + 'static,
    limit: EntryLimit,
) -> io::Result<SourceRows> {
    let (sender, messages) = mpsc::sync_channel::<Message>(AHEAD);
    let read = move || {
        let end = read(file, limit, &sender);
        // Without a receiver the import has ended.
        drop(sender.send(end.map(|()| None)));
    };
    thread::Builder::new()
        .name("keycloak".to_owned())
        .spawn(read)?;
    let mut is_done = false;
    Ok(Box::new(iter::from_fn(move || {
        if is_done {
            return None;
        }
        let message = messages
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the reader of the file panicked")));
        is_done = !matches!(message, Ok(Some(_)));
        message.transpose()
    })))
}

fn read(file: impl Read, limit: EntryLimit, sender: &SyncSender<Message>) -> io::Result<()> {
    limit.lift();
    let mut json = Deserializer::from_reader(file);
    json.deserialize_map(Realm { limit, sender })?;
    Ok(json.end()?)
}

/// A realm, of which the field `users` is read.
struct Realm<'a> {
    limit: EntryLimit,
    sender: &'a SyncSender<Message>,
}

impl<'de> Visitor<'de> for Realm<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a realm")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<String>()? {
            if name == "users" {
                fields.next_value_seed(Users {
                    limit: &self.limit,
                    sender: self.sender,
                })?;
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The users of a realm.
struct Users<'a> {
    limit: &'a EntryLimit,
    sender: &'a SyncSender<Message>,
}

impl<'de> DeserializeSeed<'de> for Users<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, users: D) -> Result<(), D::Error> {
        users.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Users<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut users: A) -> Result<(), A::Error> {
        let mut number = 0;
        self.limit.renew();
        while let Some(user) = users.next_element::<Value>()? {
            number += 1;
            let sent = self.sender.send(Ok(Some((number, parse(user)))));
            sent.or(Err(A::Error::custom("the import has ended")))?;
            self.limit.renew();
        }
        self.limit.lift();
        Ok(())
    }
}
