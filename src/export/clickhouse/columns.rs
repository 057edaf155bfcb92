//! Columns in the layout of ClickHouse's `FORMAT Native`: filled row by row, written column by column.
//!
//! The format is ClickHouse's own (`src/Formats/NativeWriter.cpp` and the types' `serializeBinaryBulk`): numbers are little
//! endian, a string is its length as LEB128 and its bytes, an array column is the running total of the elements and then
//! all elements as one column, and a map is an array of pairs whose keys and values are a column each. A layout that has
//! versions says its own before the column's data.

use std::borrow::Cow;
use std::marker::PhantomData;

use super::compression::{Body, Compression};
use super::json::{self, Json};
use super::length::{LONGEST_LENGTH, push_length};
use super::low_cardinality::LowCardinality;
use super::runs::Runs;

/// One column of a block.
pub(super) trait Column {
    /// The type as ClickHouse spells it. The server casts from it to the column's own type, so a wrong one is not an error
    /// but a wrong value: nanoseconds declared `Int64` are stored as seconds.
    fn type_name(&self) -> Cow<'static, str>;

    /// What the layout of the data begins with, before all of it; nothing for most.
    fn version(&self) -> &'static [u8] {
        &[]
    }

    /// Bytes that [`Column::write`] will append.
    fn size(&self) -> usize;

    /// Appends the column's data to a body.
    fn write(&self, body: &mut Body);

    /// Reads the column back row by row, as JSON.
    fn json(&self) -> Box<dyn Json>;

    /// The column's data by itself.
    fn data(&self) -> Vec<u8> {
        let mut data = Body::new(Compression::None, self.size());
        self.write(&mut data);
        data.finish()
    }
}

/// A column of `String`.
#[derive(Debug, Default, Clone)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
}

impl Text {
    #[inline]
    pub(super) fn push(&mut self, text: &str) {
        self.push_bytes(text.as_bytes());
    }

    #[inline]
    pub(super) fn push_bytes(&mut self, text: &[u8]) {
        self.bytes.reserve(text.len() + LONGEST_LENGTH);
        push_length(&mut self.bytes, text.len());
        self.bytes.extend_from_slice(text);
    }

    /// Appends a string that `write` appends piece by piece.
    pub(super) fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        // Right for all strings below 128 bytes, which are nearly all.
        self.bytes.push(0);
        write(&mut self.bytes);
        let length = self.bytes.len() - start - 1;
        if let Ok(short @ 0..=0x7f) = u8::try_from(length) {
            self.bytes[start] = short;
        } else {
            let mut prefix = Vec::with_capacity(LONGEST_LENGTH);
            push_length(&mut prefix, length);
            self.bytes.splice(start..=start, prefix);
        }
    }

    /// Appends strings that are encoded already.
    #[inline]
    pub(super) fn push_encoded(&mut self, strings: &[u8]) {
        self.bytes.extend_from_slice(strings);
    }

    /// Appends bytes as lower-case hex, and an empty string for an id of zeros, which means none.
    #[inline]
    pub(super) fn push_id<const N: usize>(&mut self, id: [u8; N]) {
        if id == [0; N] {
            return self.bytes.push(0);
        }
        const { assert!(N < 64, "the length is one byte") };
        let mut text = [[0; 2]; N];
        for (digits, byte) in text.iter_mut().zip(id) {
            *digits = HEX[usize::from(byte)];
        }
        self.bytes.reserve(2 * N + 1);
        self.bytes.push(2 * N as u8);
        self.bytes.extend_from_slice(text.as_flattened());
    }
}

impl Column for Text {
    fn type_name(&self) -> Cow<'static, str> {
        "String".into()
    }

    fn size(&self) -> usize {
        self.bytes.len()
    }

    fn write(&self, body: &mut Body) {
        body.extend(&self.bytes);
    }

    fn json(&self) -> Box<dyn Json> {
        Box::new(json::Strings::new(self.data()))
    }
}

/// A type whose values all have the same size.
pub(super) trait Fixed: Copy {
    const TYPE: &'static str;
    const SIZE: usize;

    fn append(self, bytes: &mut Vec<u8>);
    /// Appends the value whose bytes these are, as JSON.
    fn json(bytes: &[u8], out: &mut Vec<u8>);
}

/// A column of values of the same size.
#[derive(Debug, Clone)]
pub(super) struct Values<T> {
    bytes: Vec<u8>,
    of: PhantomData<T>,
}

impl<T: Fixed> Values<T> {
    #[inline]
    pub(super) fn push(&mut self, value: T) {
        value.append(&mut self.bytes);
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() / T::SIZE
    }
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Self { bytes: Vec::new(), of: PhantomData }
    }
}

impl<T: Fixed + 'static> Column for Values<T> {
    fn type_name(&self) -> Cow<'static, str> {
        T::TYPE.into()
    }

    fn size(&self) -> usize {
        self.bytes.len()
    }

    fn write(&self, body: &mut Body) {
        body.extend(&self.bytes);
    }

    fn json(&self) -> Box<dyn Json> {
        Box::new(json::Fixeds::<T>::new(self.data()))
    }
}

/// A point in time, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DateTime64(pub(super) i64);

macro_rules! fixed {
    ($($type:ty, $name:literal, |$value:ident| $number:expr, |$read:ident, $out:ident| $json:expr;)*) => {$(
        impl Fixed for $type {
            const TYPE: &'static str = $name;
            const SIZE: usize = size_of::<$type>();

            #[inline]
            fn append(self, bytes: &mut Vec<u8>) {
                let $value = self;
                bytes.extend_from_slice(&$number.to_le_bytes());
            }

            fn json(bytes: &[u8], $out: &mut Vec<u8>) {
                let mut own = [0; size_of::<$type>()];
                own.copy_from_slice(bytes);
                let $read = own;
                $json
            }
        }
    )*};
}

fixed! {
    u8, "UInt8", |v| v, |b, out| super::value::push_integer(out, i64::from(u8::from_le_bytes(b)));
    u32, "UInt32", |v| v, |b, out| super::value::push_integer(out, i64::from(u32::from_le_bytes(b)));
    u64, "UInt64", |v| v, |b, out| super::value::push_unsigned(out, u64::from_le_bytes(b));
    i32, "Int32", |v| v, |b, out| super::value::push_integer(out, i64::from(i32::from_le_bytes(b)));
    f64, "Float64", |v| v, |b, out| json::push_float(out, f64::from_le_bytes(b));
    bool, "Bool", |v| u8::from(v), |b, out| out.extend_from_slice(if b == [0] { b"false" } else { b"true" });
    DateTime64, "DateTime64(9)", |v| v.0, |b, out| json::push_time(out, i64::from_le_bytes(b));
}

/// How many elements the rows of an array have; written as the running total.
#[derive(Debug, Default, Clone)]
struct Ends {
    /// Elements of a row, and how many rows have them, one after the other.
    runs: Vec<(u64, u64)>,
}

impl Ends {
    #[inline]
    fn push(&mut self, elements: u64) {
        match self.runs.last_mut() {
            Some((same, rows)) if *same == elements => *rows += 1,
            _ => self.runs.push((elements, 1)),
        }
    }

    fn size(&self) -> usize {
        self.runs.iter().map(|(_, rows)| *rows as usize * size_of::<u64>()).sum()
    }

    fn write(&self, body: &mut Body) {
        let (mut total, mut bytes, mut filled) = (0_u64, [[0; 8]; 64], 0);
        for &(elements, rows) in &self.runs {
            for _ in 0..rows {
                total += elements;
                bytes[filled] = total.to_le_bytes();
                filled += 1;
                if filled == bytes.len() {
                    body.extend(bytes.as_flattened());
                    filled = 0;
                }
            }
        }
        body.extend(bytes[..filled].as_flattened());
    }

    /// The number of elements of each row.
    fn lengths(&self) -> json::Lengths {
        json::Lengths::new(self.runs.clone())
    }
}

/// A column of arrays. Elements are pushed to `items`; [`Array::end_row`] closes a row.
#[derive(Debug, Default, Clone)]
pub(super) struct Array<C> {
    ends: Ends,
    pub(super) items: C,
}

impl<C> Array<C> {
    /// The row that was begun has this many elements.
    #[inline]
    pub(super) fn end_row(&mut self, elements: usize) {
        self.ends.push(elements as u64);
    }
}

impl<C: Column> Column for Array<C> {
    fn type_name(&self) -> Cow<'static, str> {
        format!("Array({})", self.items.type_name()).into()
    }

    fn version(&self) -> &'static [u8] {
        self.items.version()
    }

    fn size(&self) -> usize {
        self.ends.size() + self.items.size()
    }

    fn write(&self, body: &mut Body) {
        self.ends.write(body);
        self.items.write(body);
    }

    fn json(&self) -> Box<dyn Json> {
        Box::new(json::Arrays::new(self.ends.lengths(), self.items.json()))
    }
}

/// A column of `Map(LowCardinality(String), String)`.
#[derive(Debug, Default, Clone)]
pub(super) struct Map<V = Text> {
    ends: Ends,
    pub(super) keys: LowCardinality,
    pub(super) values: V,
}

/// One whose values mostly equal those of the row before.
pub(super) type SharedMap = Map<Runs<Text>>;

impl<V> Map<V> {
    /// The row that was begun has this many entries.
    #[inline]
    pub(super) fn end_row(&mut self, entries: usize) {
        self.ends.push(entries as u64);
    }
}

impl SharedMap {
    /// Appends a row that is the only one of another column.
    #[inline]
    pub(super) fn push_row_of(&mut self, other: &Map) {
        self.keys.push_rows_of(&other.keys);
        self.values.push_encoded(&other.values.bytes);
        self.ends.push(other.ends.runs.first().map_or(0, |(entries, _)| *entries));
    }
}

impl<V: Column> Column for Map<V> {
    fn type_name(&self) -> Cow<'static, str> {
        "Map(LowCardinality(String), String)".into()
    }

    fn version(&self) -> &'static [u8] {
        self.keys.version()
    }

    fn size(&self) -> usize {
        self.ends.size() + self.keys.size() + self.values.size()
    }

    fn write(&self, body: &mut Body) {
        self.ends.write(body);
        self.keys.write(body);
        self.values.write(body);
    }

    fn json(&self) -> Box<dyn Json> {
        Box::new(json::Maps::new(self.ends.lengths(), self.keys.json(), self.values.json()))
    }
}

/// Each byte as two lower-case digits.
const HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_written_in_pieces_is_the_string_written_whole() {
        for length in [0, 1, 127, 128, 129, 16_384, 70_000] {
            let (mut whole, mut pieces) = (Text::default(), Text::default());
            for text in [&mut whole, &mut pieces] {
                text.push("before");
            }
            whole.push(&"x".repeat(length));
            pieces.push_with(|bytes| (0..length).for_each(|_| bytes.push(b'x')));
            pieces.push_encoded(b"\x05after");
            whole.push("after");
            assert!(whole.bytes == pieces.bytes, "{length}");
        }
    }

    #[test]
    fn the_ends_of_arrays_are_a_running_total() {
        let mut array = Array::<Values<u8>>::default();
        let lengths = [0, 0, 3, 3, 3, 1, 0, 70].into_iter().chain((0..100).map(|_| 2));
        let (mut total, mut expected) = (0_u64, Vec::new());
        for length in lengths.clone() {
            (0..length).for_each(|_| array.items.push(7));
            array.end_row(length);
            total += length as u64;
            expected.extend_from_slice(&total.to_le_bytes());
        }
        expected.extend(std::iter::repeat_n(7, total as usize));
        assert_eq!(array.size(), expected.len());
        assert!(array.data() == expected);
    }

    #[test]
    fn an_id_is_lower_case_hex_and_none_is_empty() {
        let mut text = Text::default();
        text.push_id([0xab, 0x01, 0xff]);
        text.push_id([0; 16]);
        assert_eq!(text.bytes, b"\x06ab01ff\0");
    }
}
