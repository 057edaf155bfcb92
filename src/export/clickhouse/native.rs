//! The Native format, read again: a block, its columns, and where the data of each row is.

use super::columns::Column;
use super::length::{push_length, take_length};
use super::low_cardinality::{Encoded, VERSION};

/// A Native block, taken apart.
pub(super) struct Block<'a> {
    pub(super) rows: usize,
    pub(super) columns: Vec<Part<'a>>,
}

/// One of its columns.
#[derive(Clone)]
pub(super) struct Part<'a> {
    pub(super) name: &'a [u8],
    pub(super) type_name: &'a [u8],
    pub(super) kind: Kind,
    pub(super) data: &'a [u8],
}

/// What a column's data looks like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Values of so many bytes each.
    Fixed(usize),
    Text,
    LowCardinality,
    /// Running totals, and then so many columns of elements.
    Array(Vec<Kind>),
}

impl<'a> Block<'a> {
    pub(super) fn read(mut body: &'a [u8]) -> Option<Self> {
        let columns = take_length(&mut body)?;
        let rows = take_length(&mut body)?;
        let mut parts = Vec::new();
        for _ in 0..columns {
            let name = take_text(&mut body)?;
            let type_name = take_text(&mut body)?;
            let kind = Kind::of(std::str::from_utf8(type_name).ok()?)?;
            let data = kind.take_column(&mut body, rows)?;
            parts.push(Part { name, type_name, kind, data });
        }
        body.is_empty().then_some(Block { rows, columns: parts })
    }

    pub(super) fn written(&self, mut write: impl FnMut(&Part<'a>, &mut Vec<u8>)) -> Vec<u8> {
        let mut body = Vec::new();
        push_length(&mut body, self.columns.len());
        push_length(&mut body, self.rows);
        for column in &self.columns {
            for text in [column.name, column.type_name] {
                push_length(&mut body, text.len());
                body.extend_from_slice(text);
            }
            write(column, &mut body);
        }
        body
    }
}

impl Kind {
    fn of(type_name: &str) -> Option<Self> {
        if let Some(items) = type_name.strip_prefix("Array(").and_then(|rest| rest.strip_suffix(')')) {
            return Some(Kind::Array(vec![Kind::of(items)?]));
        }
        Some(match type_name {
            "String" => Kind::Text,
            "LowCardinality(String)" => Kind::LowCardinality,
            "Map(LowCardinality(String), String)" => Kind::Array(vec![Kind::LowCardinality, Kind::Text]),
            // As `in_plain_strings` leaves it.
            "Map(String, String)" => Kind::Array(vec![Kind::Text, Kind::Text]),
            "UInt8" | "Bool" => Kind::Fixed(1),
            "UInt32" | "Int32" => Kind::Fixed(4),
            "UInt64" | "Float64" | "DateTime64(9)" => Kind::Fixed(8),
            _ => return None,
        })
    }

    /// Bytes of the version that the data of a column begins with.
    pub(super) fn version(&self) -> usize {
        match self {
            Kind::Fixed(_) | Kind::Text => 0,
            Kind::LowCardinality => VERSION.len(),
            Kind::Array(items) => items.iter().map(Kind::version).sum(),
        }
    }

    /// Takes a whole column off the front.
    fn take_column<'a>(&self, body: &mut &'a [u8], rows: usize) -> Option<&'a [u8]> {
        let start = *body;
        *body = body.get(self.version()..)?;
        self.skip(body, rows)?;
        start.get(..start.len() - body.len())
    }

    /// Takes the data of so many rows off the front.
    fn take<'a>(&self, body: &mut &'a [u8], rows: usize) -> Option<&'a [u8]> {
        let start = *body;
        self.skip(body, rows)?;
        start.get(..start.len() - body.len())
    }

    fn skip(&self, body: &mut &[u8], rows: usize) -> Option<()> {
        match self {
            Kind::Fixed(size) => *body = body.get(rows.checked_mul(*size)?..)?,
            Kind::Text => {
                for _ in 0..rows {
                    take_text(body)?;
                }
            }
            Kind::LowCardinality => drop(Encoded::take(body, rows)?),
            Kind::Array(items) => {
                let elements = end_of(body, rows)?;
                *body = body.get(rows.checked_mul(8)?..)?;
                for item in items {
                    item.skip(body, elements)?;
                }
            }
        }
        Some(())
    }

    /// Takes the data of so many rows off the front, and appends it with each string in its place.
    pub(super) fn spell_out(&self, body: &mut &[u8], rows: usize, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Kind::LowCardinality => Encoded::take(body, rows)?.push_strings(out)?,
            Kind::Array(items) => {
                let elements = end_of(body, rows)?;
                let (ends, rest) = body.split_at_checked(rows.checked_mul(8)?)?;
                out.extend_from_slice(ends);
                *body = rest;
                for item in items {
                    item.spell_out(body, elements, out)?;
                }
            }
            Kind::Fixed(_) | Kind::Text => out.extend_from_slice(self.take(body, rows)?),
        }
        Some(())
    }

    /// Appends the data of `rows` rows after the first `from` of a column that has `all` of them.
    pub(super) fn cut(&self, data: &[u8], all: usize, from: usize, rows: usize, out: &mut Vec<u8>) -> Option<()> {
        let to = from.checked_add(rows)?;
        match self {
            Kind::Fixed(size) => out.extend_from_slice(data.get(from.checked_mul(*size)?..to.checked_mul(*size)?)?),
            Kind::Text => {
                let mut rest = data;
                self.skip(&mut rest, from)?;
                out.extend_from_slice(self.take(&mut rest, rows)?);
            }
            Kind::LowCardinality => {
                let mut rest = data;
                out.extend_from_slice(&Encoded::take(&mut rest, all)?.cut(from, rows)?.data());
            }
            Kind::Array(items) => {
                let (before, total, end) = (end_of(data, from)?, end_of(data, all)?, end_of(data, to)?);
                for row in from..to {
                    let end = end_of(data, row + 1)?.checked_sub(before)?;
                    out.extend_from_slice(&(end as u64).to_le_bytes());
                }
                let mut rest = data.get(all.checked_mul(8)?..)?;
                for item in items {
                    let of_item = item.take(&mut rest, total)?;
                    item.cut(of_item, total, before, end.checked_sub(before)?, out)?;
                }
            }
        }
        Some(())
    }
}

/// The number of elements in the first so many rows of an array column.
fn end_of(data: &[u8], rows: usize) -> Option<usize> {
    let Some(last) = rows.checked_sub(1) else { return Some(0) };
    let bytes = data.get(last.checked_mul(8)?..)?.first_chunk()?;
    usize::try_from(u64::from_le_bytes(*bytes)).ok()
}

fn take_text<'a>(body: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_length(body)?;
    let (text, rest) = body.split_at_checked(length)?;
    *body = rest;
    Some(text)
}
