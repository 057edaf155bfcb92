//! Numbers and truth values, as they stand in a record.

use std::fmt;

use super::{CARD_LIKE, KEY_CAP};
use crate::privacy::format::{self, INLINE_KEY, Key};
use crate::privacy::page::Page;
use crate::privacy::text::floor_boundary;

/// A value that has a type of its own on the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scalar {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
}

impl Scalar {
    /// Whether the number has about as many digits as a card number.
    #[inline]
    pub(in crate::privacy) fn is_long(self) -> bool {
        match self {
            Scalar::Bool(_) => false,
            Scalar::I64(value) => value.unsigned_abs() >= CARD_LIKE,
            Scalar::U64(value) => value >= CARD_LIKE,
            Scalar::F64(value) => value.abs() >= CARD_LIKE as f64,
        }
    }

    /// As an attribute with its key in text.
    pub(super) fn write(self, record: &mut Page, key: Key<'_>) {
        let (tag, bytes) = match self {
            Scalar::Bool(value) => {
                open(record, format::BOOL, key);
                return record.push(u8::from(value));
            }
            Scalar::I64(value) => (format::I64, value.to_le_bytes()),
            Scalar::U64(value) => (format::U64, value.to_le_bytes()),
            Scalar::F64(value) => (format::F64, value.to_le_bytes()),
        };
        open(record, tag, key);
        record.extend_from_slice(&bytes);
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(value) => value.fmt(f),
            Scalar::I64(value) => value.fmt(f),
            Scalar::U64(value) => value.fmt(f),
            Scalar::F64(value) => value.fmt(f),
        }
    }
}

/// Starts an attribute.
#[inline]
pub(super) fn open(record: &mut Page, tag: u8, key: Key<'_>) {
    match key {
        Key::Index(index) => {
            let [low, high] = index.to_le_bytes();
            record.extend_from_slice(&[tag, low, high]);
        }
        Key::Text(text) => {
            let text = &text[..floor_boundary(text, KEY_CAP)];
            record.extend_from_slice(&[tag | INLINE_KEY, text.len() as u8]);
            record.extend_from_slice(text);
        }
        Key::None => record.push(tag),
    }
}
