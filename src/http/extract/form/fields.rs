//! The fields of a form, by name.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use zeroize::Zeroizing;

use super::FormError;
use crate::domain::{Email, EmailKey, Password};

/// The fields of a form, each name once. Values are wiped from memory when dropped.
#[derive(Debug, Default)]
pub(crate) struct Fields(HashMap<String, Zeroizing<String>>);

impl Fields {
    pub(crate) fn add(&mut self, name: String, value: Zeroizing<String>) -> Result<(), FormError> {
        match self.0.entry(name) {
            Entry::Occupied(known) => Err(FormError::Twice(known.key().clone())),
            Entry::Vacant(place) => {
                place.insert(value);
                Ok(())
            }
        }
    }

    /// Takes a field that has to be there and not empty.
    pub(crate) fn required(&mut self, name: &'static str) -> Result<Zeroizing<String>, FormError> {
        self.optional(name).ok_or(FormError::Missing(name))
    }

    /// Takes a field that may be missing; an empty one counts as missing.
    pub(crate) fn optional(&mut self, name: &str) -> Option<Zeroizing<String>> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    /// Takes the email and the password of somebody new.
    pub(crate) fn new_account(&mut self) -> Result<(Email, Password), FormError> {
        let (email, password) = (self.required("email")?, self.required("password")?);
        Ok((
            FormError::within("email", Email::parse_new(&email))?,
            FormError::within("password", Password::parse(&password))?,
        ))
    }

    /// Takes the email and the password of somebody who may be known.
    pub(crate) fn credentials(&mut self) -> Result<(EmailKey, Password), FormError> {
        let (email, password) = (self.required("email")?, self.required("password")?);
        Ok((
            FormError::within("email", EmailKey::parse(&email))?,
            FormError::within("password", Password::parse(&password))?,
        ))
    }
}
