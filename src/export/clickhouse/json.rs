//! Columns read back row by row, as `FORMAT JSONEachRow`: for people to read, and for servers that want it.

use std::marker::PhantomData;

use super::columns::{Fixed, take_length};
use super::value::{push_double, push_quoted};
use crate::app::Timestamp;

/// The rows of a column, one after the other.
pub(super) trait Json {
    /// Appends the next row's value.
    fn next(&mut self, out: &mut Vec<u8>);
}

pub(super) struct Strings<'a>(pub(super) &'a [u8]);

impl Json for Strings<'_> {
    fn next(&mut self, out: &mut Vec<u8>) {
        let text = take_length(&mut self.0).and_then(|length| self.0.split_at_checked(length));
        let (text, rest) = text.unwrap_or_default();
        self.0 = rest;
        // It was pushed as a `str`.
        push_quoted(out, std::str::from_utf8(text).unwrap_or_default());
    }
}

pub(super) struct Fixeds<'a, T> {
    bytes: &'a [u8],
    of: PhantomData<T>,
}

impl<'a, T: Fixed> Fixeds<'a, T> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, of: PhantomData }
    }
}

impl<T: Fixed> Json for Fixeds<'_, T> {
    fn next(&mut self, out: &mut Vec<u8>) {
        if let Some((value, rest)) = self.bytes.split_at_checked(T::SIZE) {
            self.bytes = rest;
            T::json(value, out);
        }
    }
}

/// How many elements each row has.
struct Lengths<'a> {
    ends: &'a [u8],
    before: u64,
}

impl Lengths<'_> {
    fn next(&mut self) -> u64 {
        let Some((end, rest)) = self.ends.split_first_chunk() else { return 0 };
        self.ends = rest;
        let end = u64::from_le_bytes(*end);
        end - std::mem::replace(&mut self.before, end)
    }
}

pub(super) struct Arrays<'a> {
    lengths: Lengths<'a>,
    items: Box<dyn Json + 'a>,
}

impl<'a> Arrays<'a> {
    pub(super) fn new(ends: &'a [u8], items: Box<dyn Json + 'a>) -> Self {
        Self { lengths: Lengths { ends, before: 0 }, items }
    }
}

impl Json for Arrays<'_> {
    fn next(&mut self, out: &mut Vec<u8>) {
        out.push(b'[');
        for place in 0..self.lengths.next() {
            if place > 0 {
                out.push(b',');
            }
            self.items.next(out);
        }
        out.push(b']');
    }
}

pub(super) struct Maps<'a> {
    lengths: Lengths<'a>,
    keys: Strings<'a>,
    values: Strings<'a>,
}

impl<'a> Maps<'a> {
    pub(super) fn new(ends: &'a [u8], keys: &'a [u8], values: &'a [u8]) -> Self {
        Self { lengths: Lengths { ends, before: 0 }, keys: Strings(keys), values: Strings(values) }
    }
}

impl Json for Maps<'_> {
    fn next(&mut self, out: &mut Vec<u8>) {
        out.push(b'{');
        for place in 0..self.lengths.next() {
            if place > 0 {
                out.push(b',');
            }
            self.keys.next(out);
            out.push(b':');
            self.values.next(out);
        }
        out.push(b'}');
    }
}

/// In UTC and saying so.
pub(super) fn push_time(out: &mut Vec<u8>, nanos: i64) {
    out.push(b'"');
    out.extend_from_slice(Timestamp::from_nanos(nanos).to_string().as_bytes());
    out.push(b'"');
}

/// What is no number is quoted, as ClickHouse reads it.
pub(super) fn push_float(out: &mut Vec<u8>, value: f64) {
    match value {
        _ if value.is_nan() => out.extend_from_slice(b"\"nan\""),
        f64::INFINITY => out.extend_from_slice(b"\"inf\""),
        f64::NEG_INFINITY => out.extend_from_slice(b"\"-inf\""),
        _ => push_double(out, value),
    }
}
