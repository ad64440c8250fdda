//! The fields of a form, and how they are deserialized.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use zeroize::Zeroizing;

use crate::http::FormError;

/// The fields of a form. Each name is unique. Values are zeroed when they are dropped.
#[derive(Debug, Default)]
pub(crate) struct Fields(HashMap<String, Zeroizing<String>>);

impl Fields {
    pub(super) fn add(&mut self, name: String, value: Zeroizing<String>) -> Result<(), FormError> {
        match self.0.entry(name) {
            Entry::Occupied(known) => Err(FormError::Twice(known.key().clone())),
            Entry::Vacant(place) => {
                place.insert(value);
                Ok(())
            }
        }
    }

    /// Takes a field of a page's form; none if it is missing or empty.
    pub(crate) fn take(&mut self, name: &str) -> Option<Zeroizing<String>> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    /// Whether a field was sent with a text.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_empty())
    }

    /// Deserializes a struct of [`FieldText`]s, whose defaults are missing fields. Further fields
    /// are ignored.
    ///
    /// # Errors
    /// None for a struct that has a default for each field.
    pub(crate) fn deserialize<T: DeserializeOwned>(self) -> Result<T, FormError> {
        let filled = self.0.into_iter().filter(|(_, value)| !value.is_empty());
        let filled = filled.map(|(name, value)| (name, FieldText(Some(value))));
        T::deserialize(MapDeserializer::new(filled))
    }
}

/// The value of a field as it was sent; by default that of a missing or empty one. It is zeroed
/// when it is dropped.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct FieldText(Option<Zeroizing<String>>);

impl FieldText {
    /// The text as it was sent.
    ///
    /// # Errors
    /// [`FormError::Missing`] for a missing or empty field.
    pub(crate) fn text(&self, name: &'static str) -> Result<&str, FormError> {
        let text = self.0.as_ref().ok_or(FormError::Missing(name))?;
        Ok(text)
    }

    /// The text as it was sent; none for a missing or empty field.
    pub(crate) fn optional(&self) -> Option<&str> {
        self.0.as_deref().map(String::as_str)
    }

    /// Parses the text, and zeroes it.
    ///
    /// # Errors
    /// [`FormError::Missing`], or the error of `parse` as a [`FormError`] that names the field.
    pub(crate) fn parse<T, E: Into<FormError>>(
        self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, FormError> {
        let text = self.text(name)?;
        FormError::within(name, parse(text))
    }
}

impl IntoDeserializer<'_, FormError> for FieldText {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Lends the text to the visitor, so that every copy of it is zeroed.
impl<'de> Deserializer<'de> for FieldText {
    type Error = FormError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        visitor.visit_str(self.optional().unwrap_or_default())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl de::Error for FormError {
    /// Never called: any text is a valid `FieldText`.
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Broken
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}
