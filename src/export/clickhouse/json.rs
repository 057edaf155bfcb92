//! Columns read back row by row, as `FORMAT JSONEachRow`: for people to read, and for servers that want it.

use std::marker::PhantomData;

use super::columns::Fixed;
use super::length::take_length;
use super::value::{push_double, push_quoted};
use crate::app::Timestamp;

/// The rows of a column, one after the other.
pub(super) trait Json {
    /// Appends the next row's value.
    fn next(&mut self, out: &mut Vec<u8>);
}

/// The data of a column and how much of it was read.
struct Data {
    bytes: Vec<u8>,
    read: usize,
}

impl Data {
    /// The next bytes; nothing at the end.
    fn take(&mut self, length: usize) -> &[u8] {
        let start = self.read;
        self.read = self.bytes.len().min(start.saturating_add(length));
        &self.bytes[start..self.read]
    }
}

pub(super) struct Strings(Data);

impl Strings {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Strings(Data { bytes, read: 0 })
    }
}

impl Json for Strings {
    fn next(&mut self, out: &mut Vec<u8>) {
        let mut rest = &self.0.bytes[self.0.read..];
        let length = take_length(&mut rest).unwrap_or(0);
        self.0.read = self.0.bytes.len() - rest.len();
        // It was pushed as a `str`.
        push_quoted(out, std::str::from_utf8(self.0.take(length)).unwrap_or_default());
    }
}

pub(super) struct Fixeds<T> {
    data: Data,
    of: PhantomData<T>,
}

impl<T: Fixed> Fixeds<T> {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { data: Data { bytes, read: 0 }, of: PhantomData }
    }
}

impl<T: Fixed> Json for Fixeds<T> {
    fn next(&mut self, out: &mut Vec<u8>) {
        T::json(self.data.take(T::SIZE), out);
    }
}

/// How many elements each row has: elements of a row, and how many rows have them, one after the other.
pub(super) struct Lengths {
    runs: std::vec::IntoIter<(u64, u64)>,
    /// Rows of the first run that were read.
    read: u64,
}

impl Lengths {
    pub(super) fn new(runs: Vec<(u64, u64)>) -> Self {
        Lengths { runs: runs.into_iter(), read: 0 }
    }

    fn next(&mut self) -> u64 {
        let Some(&(elements, rows)) = self.runs.as_slice().first() else { return 0 };
        self.read += 1;
        if self.read == rows {
            self.runs.next();
            self.read = 0;
        }
        elements
    }
}

pub(super) struct Arrays {
    lengths: Lengths,
    items: Box<dyn Json>,
}

impl Arrays {
    pub(super) fn new(lengths: Lengths, items: Box<dyn Json>) -> Self {
        Self { lengths, items }
    }
}

impl Json for Arrays {
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

pub(super) struct Maps {
    lengths: Lengths,
    keys: Box<dyn Json>,
    values: Box<dyn Json>,
}

impl Maps {
    pub(super) fn new(lengths: Lengths, keys: Box<dyn Json>, values: Box<dyn Json>) -> Self {
        Self { lengths, keys, values }
    }
}

impl Json for Maps {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_quoted() {
        let text = |value| {
            let mut out = Vec::new();
            push_float(&mut out, value);
            String::from_utf8(out).unwrap()
        };
        assert_eq!([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(text), ["\"nan\"", "\"inf\"", "\"-inf\""]);
        assert_eq!([1.5, -0.0, 1e300].map(text), ["1.5", "-0", "1e+300"]);
    }
}
