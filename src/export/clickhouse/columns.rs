//! Columns in the layout of ClickHouse's `FORMAT Native`: filled row by row, written column by column.
//!
//! The format is ClickHouse's own (`src/Formats/NativeWriter.cpp` and the types' `serializeBinaryBulk`): numbers are little
//! endian, a string is its length as LEB128 and its bytes, an array column is the running total of the elements and then
//! all elements as one column, and a map is an array of pairs whose keys and values are a column each.

use std::borrow::Cow;
use std::marker::PhantomData;

use super::json::Json;

/// One column of a block.
pub(super) trait Column {
    /// The type as ClickHouse spells it. The server casts from it to the column's own type, so a wrong one is not an error
    /// but a wrong value: nanoseconds declared `Int64` are stored as seconds.
    fn type_name(&self) -> Cow<'static, str>;

    /// Bytes that [`Column::write`] will append.
    fn size(&self) -> usize;

    /// Appends the column's data to a block.
    fn write(&self, block: &mut Vec<u8>);

    /// Reads the column back row by row, as JSON.
    fn json(&self) -> Box<dyn Json + '_>;
}

/// A column of `String`.
#[derive(Debug, Default, Clone)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
}

impl Text {
    #[inline]
    pub(super) fn push(&mut self, text: &str) {
        self.bytes.reserve(text.len() + LONGEST_LENGTH);
        push_length(&mut self.bytes, text.len());
        self.bytes.extend_from_slice(text.as_bytes());
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

    fn write(&self, block: &mut Vec<u8>) {
        block.extend_from_slice(&self.bytes);
    }

    fn json(&self) -> Box<dyn Json + '_> {
        Box::new(super::json::Strings(&self.bytes))
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

impl<T: Fixed> Column for Values<T> {
    fn type_name(&self) -> Cow<'static, str> {
        T::TYPE.into()
    }

    fn size(&self) -> usize {
        self.bytes.len()
    }

    fn write(&self, block: &mut Vec<u8>) {
        block.extend_from_slice(&self.bytes);
    }

    fn json(&self) -> Box<dyn Json + '_> {
        Box::new(super::json::Fixeds::<T>::new(&self.bytes))
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
    f64, "Float64", |v| v, |b, out| super::json::push_float(out, f64::from_le_bytes(b));
    bool, "Bool", |v| u8::from(v), |b, out| out.extend_from_slice(if b == [0] { b"false" } else { b"true" });
    DateTime64, "DateTime64(9)", |v| v.0, |b, out| super::json::push_time(out, i64::from_le_bytes(b));
}

/// A column of arrays. Elements are pushed to `items`; [`Array::end_row`] closes a row.
#[derive(Debug, Default, Clone)]
pub(super) struct Array<C> {
    /// The number of elements in all rows up to and including this one.
    ends: Values<u64>,
    elements: u64,
    pub(super) items: C,
}

impl<C> Array<C> {
    /// The row that was begun has this many elements.
    #[inline]
    pub(super) fn end_row(&mut self, elements: usize) {
        self.elements += elements as u64;
        self.ends.push(self.elements);
    }
}

impl<C: Column> Column for Array<C> {
    fn type_name(&self) -> Cow<'static, str> {
        format!("Array({})", self.items.type_name()).into()
    }

    fn size(&self) -> usize {
        self.ends.size() + self.items.size()
    }

    fn write(&self, block: &mut Vec<u8>) {
        self.ends.write(block);
        self.items.write(block);
    }

    fn json(&self) -> Box<dyn Json + '_> {
        Box::new(super::json::Arrays::new(&self.ends.bytes, self.items.json()))
    }
}

/// A column of `Map(String, String)`.
#[derive(Debug, Default, Clone)]
pub(super) struct Map {
    ends: Values<u64>,
    entries: u64,
    pub(super) keys: Text,
    pub(super) values: Text,
}

impl Map {
    /// The row that was begun has this many entries.
    #[inline]
    pub(super) fn end_row(&mut self, entries: usize) {
        self.entries += entries as u64;
        self.ends.push(self.entries);
    }

    /// Appends a row that is the only one of another column.
    #[inline]
    pub(super) fn push_row_of(&mut self, other: &Map) {
        self.keys.push_encoded(&other.keys.bytes);
        self.values.push_encoded(&other.values.bytes);
        self.end_row(other.entries as usize);
    }
}

impl Column for Map {
    fn type_name(&self) -> Cow<'static, str> {
        "Map(String, String)".into()
    }

    fn size(&self) -> usize {
        self.ends.size() + self.keys.size() + self.values.size()
    }

    fn write(&self, block: &mut Vec<u8>) {
        self.ends.write(block);
        self.keys.write(block);
        self.values.write(block);
    }

    fn json(&self) -> Box<dyn Json + '_> {
        Box::new(super::json::Maps::new(&self.ends.bytes, &self.keys.bytes, &self.values.bytes))
    }
}

/// Bytes that a length can take.
const LONGEST_LENGTH: usize = 10;

/// Appends a length as LEB128.
#[inline]
pub(super) fn push_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length > 0x7f {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

/// Takes a length off the front; none if there is no whole one.
pub(super) fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    let mut length = 0_usize;
    for shift in (0..usize::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
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
    fn a_length_is_read_as_it_was_written() {
        for length in [0, 1, 127, 128, 300, 16_383, 16_384, 1 << 20, u32::MAX as usize, usize::MAX] {
            let mut bytes = Vec::new();
            push_length(&mut bytes, length);
            assert!(bytes.len() <= LONGEST_LENGTH);
            bytes.push(0xff);
            let mut rest = &*bytes;
            assert_eq!((take_length(&mut rest), rest), (Some(length), &[0xff][..]));
        }
        assert_eq!(take_length(&mut &[0x80, 0x80][..]), None);
    }

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
    fn an_id_is_lower_case_hex_and_none_is_empty() {
        let mut text = Text::default();
        text.push_id([0xab, 0x01, 0xff]);
        text.push_id([0; 16]);
        assert_eq!(text.bytes, b"\x06ab01ff\0");
    }
}
