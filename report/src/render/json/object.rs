//! JSON objects and lists that are written while they are told: nothing of them is kept.

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::escape;

/// A JSON object that is being written, key by key.
pub(crate) struct Object<M>(M);

impl<M: SerializeMap> Object<M> {
    /// Begins one.
    pub(crate) fn begin<S: Serializer<SerializeMap = M>>(serializer: S) -> Result<Self, S::Error> {
        serializer.serialize_map(None).map(Self)
    }

    pub(crate) fn put<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), M::Error> {
        self.0.serialize_entry(key, value)
    }

    /// Bytes as text, and in hexadecimal beside it where text cannot tell them.
    pub(crate) fn bytes(&mut self, key: &str, bytes: &[u8]) -> Result<(), M::Error> {
        let (text, hex) = escape::json_text(bytes);
        self.put(key, &*text)?;
        match hex {
            Some(hex) => self.put(&format!("{key}_hex"), &hex),
            None => Ok(()),
        }
    }

    pub(crate) fn bytes_if_any(&mut self, key: &str, bytes: &[u8]) -> Result<(), M::Error> {
        if bytes.is_empty() { Ok(()) } else { self.bytes(key, bytes) }
    }

    pub(crate) fn end(self) -> Result<M::Ok, M::Error> {
        self.0.end()
    }
}

/// What an iterator gives, as a list.
pub(crate) struct List<I>(pub(crate) I);

impl<I: Iterator<Item: Serialize> + Clone> Serialize for List<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

/// What an iterator gives, as an object.
pub(crate) struct Pairs<I>(pub(crate) I);

impl<K: Serialize, V: Serialize, I: Iterator<Item = (K, V)> + Clone> Serialize for Pairs<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.clone())
    }
}

/// An object with bytes under one key.
pub(crate) struct Named<'a>(pub(crate) &'static str, pub(crate) &'a [u8]);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = Object::begin(serializer)?;
        out.bytes(self.0, self.1)?;
        out.end()
    }
}

/// Bytes as text alone, where their form is the sender's own affair.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    escape::json_text(bytes).0
}
