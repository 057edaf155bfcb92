//! Columns whose strings come again and again, such as the keys of attributes: each different string is sent once, and for
//! each row which of them it is.
//!
//! The type is `LowCardinality(String)`, as the tables have it. A server stores such a column nearly as it comes; out of plain
//! strings it has to make one first (`src/DataTypes/Serializations/SerializationLowCardinality.cpp`).

use std::borrow::Cow;
use std::collections::HashMap;

use super::columns::{Column, Text};
use super::compression::Body;
use super::json::{self, Json};
use super::length::{push_length, take_length};

/// A column of `LowCardinality(String)`.
#[derive(Debug, Clone)]
pub(super) struct LowCardinality {
    /// The different strings, in the order in which they first came. The first one is empty: servers do the same.
    strings: Text,
    /// Where each of them is.
    places: Vec<Place>,
    /// For each row, which of them.
    rows: Vec<u32>,
    /// Which one a string is; filled when there are too many to look at.
    numbers: HashMap<Box<[u8]>, u32>,
    /// The rows and strings of the last column whose rows were pushed: it mostly comes again.
    pushed: (Vec<u32>, Vec<u8>),
}

/// A string without its length.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
    /// What came after it the last time: attributes mostly come in the same order.
    next: u32,
}

/// A block's version of the column's layout: dictionaries that are with the block.
pub(super) const VERSION: [u8; 8] = 1_u64.to_le_bytes();

/// The strings follow, and stand for all that the server may know.
const STRINGS_FOLLOW: u64 = 0x600;

/// Strings that are looked at one after the other.
const FEW: usize = 16;

impl LowCardinality {
    #[inline]
    pub(super) fn push(&mut self, text: &str) {
        self.push_bytes(text.as_bytes());
    }

    /// Appends one string that is encoded already.
    #[inline]
    pub(super) fn push_encoded(&mut self, string: &[u8]) {
        let mut text = string;
        if take_length(&mut text).is_some() {
            self.push_bytes(text);
        }
    }

    /// Appends all rows of another column. What is filled so is filled in no other way.
    #[inline]
    pub(super) fn push_rows_of(&mut self, other: &LowCardinality) {
        let (rows, strings) = &self.pushed;
        if *rows == other.rows && *strings == other.strings.bytes && !rows.is_empty() {
            // They are the last ones here.
            return self.rows.extend_from_within(self.rows.len() - rows.len()..);
        }
        self.pushed = (other.rows.clone(), other.strings.bytes.clone());
        for row in &other.rows {
            let Place { start, end, .. } = other.places[*row as usize];
            self.push_bytes(&other.strings.bytes[start..end]);
        }
    }

    #[inline]
    pub(super) fn push_bytes(&mut self, text: &[u8]) {
        let last = self.rows.last().map_or(0, |last| *last as usize);
        let likely = self.places[last].next;
        let Place { start, end, .. } = self.places[likely as usize];
        let number = if self.strings.bytes[start..end] == *text { likely } else { self.number(text) };
        self.places[last].next = number;
        self.rows.push(number);
    }

    /// Which string this is. It becomes one if it was none.
    fn number(&mut self, text: &[u8]) -> u32 {
        let is_it = |place: &Place| self.strings.bytes[place.start..place.end] == *text;
        let known = match self.numbers.is_empty() {
            true => self.places.iter().position(is_it).map(|number| number as u32),
            false => self.numbers.get(text).copied(),
        };
        if let Some(known) = known {
            return known;
        }
        // A block has at most a million rows, and memory ends before four billion attributes.
        let new = self.places.len() as u32;
        self.strings.push_bytes(text);
        let end = self.strings.bytes.len();
        self.places.push(Place { start: end - text.len(), end, next: 0 });
        if self.places.len() > FEW {
            for (number, place) in self.places.iter().enumerate().skip(self.numbers.len()) {
                self.numbers.insert(self.strings.bytes[place.start..place.end].into(), number as u32);
            }
        }
        new
    }

    /// The string of each row, by its number in the order of all different ones.
    pub(super) fn ranks(&self) -> impl Iterator<Item = u32> {
        let text = |number: &u32| {
            let Place { start, end, .. } = self.places[*number as usize];
            &self.strings.bytes[start..end]
        };
        let mut sorted: Vec<u32> = (0..self.places.len() as u32).collect();
        sorted.sort_unstable_by_key(text);
        let mut ranks = vec![0; sorted.len()];
        for (rank, number) in sorted.into_iter().enumerate() {
            ranks[number as usize] = rank as u32;
        }
        self.rows.iter().map(move |number| ranks[*number as usize])
    }

    /// Bytes of an index, as the layout has them: as many as the largest needs.
    fn width(&self) -> usize {
        match self.places.len() {
            0..=0x100 => 1,
            0x101..=0x1_0000 => 2,
            _ => 4,
        }
    }
}

impl Default for LowCardinality {
    fn default() -> Self {
        let mut strings = Text::default();
        strings.push("");
        let empty = Place { start: strings.bytes.len(), end: strings.bytes.len(), next: 0 };
        Self { strings, places: vec![empty], rows: Vec::new(), numbers: HashMap::new(), pushed: <_>::default() }
    }
}

impl Column for LowCardinality {
    fn type_name(&self) -> Cow<'static, str> {
        "LowCardinality(String)".into()
    }

    fn version(&self) -> &'static [u8] {
        &VERSION
    }

    fn size(&self) -> usize {
        match self.rows.len() {
            0 => 0,
            rows => 3 * size_of::<u64>() + self.strings.size() + rows * self.width(),
        }
    }

    fn write(&self, body: &mut Body) {
        if self.rows.is_empty() {
            return;
        }
        let width = self.width();
        body.extend(&(STRINGS_FOLLOW | u64::from(width.ilog2())).to_le_bytes());
        body.extend(&(self.places.len() as u64).to_le_bytes());
        self.strings.write(body);
        body.extend(&(self.rows.len() as u64).to_le_bytes());
        let mut bytes = [0; 1024];
        for rows in self.rows.chunks(bytes.len() / width) {
            for (index, row) in bytes.chunks_exact_mut(width).zip(rows) {
                index.copy_from_slice(&row.to_le_bytes()[..width]);
            }
            body.extend(&bytes[..rows.len() * width]);
        }
    }

    fn json(&self) -> Box<dyn Json> {
        let mut all = Text::default();
        for row in &self.rows {
            let Place { start, end, .. } = self.places[*row as usize];
            all.push_bytes(&self.strings.bytes[start..end]);
        }
        Box::new(json::Strings::new(all.bytes))
    }
}

/// Such a column in a body.
pub(super) struct Encoded<'a> {
    strings: Vec<&'a [u8]>,
    indexes: &'a [u8],
    width: usize,
}

impl<'a> Encoded<'a> {
    /// Takes a column of so many rows off the front; none if there is no whole one.
    pub(super) fn take(body: &mut &'a [u8], rows: usize) -> Option<Self> {
        if rows == 0 {
            return Some(Encoded { strings: Vec::new(), indexes: &[], width: 1 });
        }
        let width = match take_number(body)? as u64 ^ STRINGS_FOLLOW {
            exponent @ 0..=2 => 1 << exponent,
            _ => return None,
        };
        let count = take_number(body)?;
        // The number is not believed before the strings are there.
        let mut strings = Vec::with_capacity(count.min(body.len()));
        for _ in 0..count {
            let length = take_length(body)?;
            let (string, rest) = body.split_at_checked(length)?;
            strings.push(string);
            *body = rest;
        }
        if take_number(body)? != rows {
            return None;
        }
        let (indexes, rest) = body.split_at_checked(rows.checked_mul(width)?)?;
        *body = rest;
        Some(Encoded { strings, indexes, width })
    }

    /// Some of its rows.
    pub(super) fn cut(&self, from: usize, rows: usize) -> Option<LowCardinality> {
        let mut column = LowCardinality::default();
        let (start, end) = (from.checked_mul(self.width)?, from.checked_add(rows)?.checked_mul(self.width)?);
        self.each(self.indexes.get(start..end)?, |text| column.push_bytes(text))?;
        Some(column)
    }

    /// Appends each row's string, as a column of `String` has it.
    pub(super) fn push_strings(&self, out: &mut Vec<u8>) -> Option<()> {
        self.each(self.indexes, |text| {
            push_length(out, text.len());
            out.extend_from_slice(text);
        })
    }

    fn each(&self, indexes: &[u8], mut visit: impl FnMut(&[u8])) -> Option<()> {
        for index in indexes.chunks_exact(self.width) {
            let mut number = [0; 4];
            number[..self.width].copy_from_slice(index);
            visit(self.strings.get(u32::from_le_bytes(number) as usize)?);
        }
        Some(())
    }
}

fn take_number(body: &mut &[u8]) -> Option<usize> {
    let (number, rest) = body.split_first_chunk()?;
    *body = rest;
    usize::try_from(u64::from_le_bytes(*number)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_what_the_server_itself_writes() {
        let mut column = LowCardinality::default();
        ["a", "b", "", "a"].into_iter().for_each(|text| column.push(text));
        // SELECT toLowCardinality(['a', 'b', '', 'a'][number + 1]) FROM numbers(4) FORMAT Native
        let server = b"\0\x06\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0\x01a\x01b\x04\0\0\0\0\0\0\0\x01\x02\0\x01";
        assert_eq!(column.data(), server);
        assert!(LowCardinality::default().data().is_empty());
    }

    #[test]
    fn each_row_is_its_own_string_however_many_there_are() {
        for different in [1, 2, FEW, FEW + 1, 255, 256, 257, 65_535, 65_536, 65_537] {
            let text = |row: usize| format!("{}", row * row % different);
            let rows = 2 * different + 3;
            let mut column = LowCardinality::default();
            (0..rows).for_each(|row| column.push(&text(row)));
            let data = column.data();
            assert_eq!(column.size(), data.len(), "{different}");
            let mut rest = &*data;
            let read = Encoded::take(&mut rest, rows).unwrap();
            assert!(rest.is_empty(), "{different}");
            let all = read.cut(0, rows).unwrap();
            for (row, number) in all.rows.iter().enumerate() {
                let Place { start, end, .. } = all.places[*number as usize];
                assert_eq!(&all.strings.bytes[start..end], text(row).as_bytes());
            }
            assert!(
                read.cut(usize::MAX, 2).is_none() && read.cut(0, usize::MAX).is_none() && read.cut(1, rows).is_none()
            );
            for cut in [1, 8, 9, data.len() / 2, data.len() - 8, data.len()] {
                assert!(Encoded::take(&mut &data[..data.len() - cut], rows).is_none(), "{different} {cut}");
            }
        }
    }

    #[test]
    fn rows_are_ranked_as_their_strings_are_ordered() {
        let mut column = LowCardinality::default();
        let texts = ["pay", "", "authorize", "pay", "Ship", "päy"];
        texts.into_iter().for_each(|text| column.push(text));
        let ranks: Vec<_> = column.ranks().collect();
        for (one, first) in texts.iter().zip(&ranks) {
            for (other, second) in texts.iter().zip(&ranks) {
                assert_eq!(one.cmp(other), first.cmp(second), "{one} {other}");
            }
        }
    }
}
