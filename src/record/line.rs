//! JSON on one line, written straight into a buffer: the same text as `serde_json` writes, in a third of the time.
//!
//! Each record that is stored becomes such a line, and most of that time went into looking at each byte of its texts by
//! itself. Here a text that needs no escape, which nearly all of them are, is copied whole.

use serde::ser::{Error as _, Impossible, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Error;

/// Writes one value behind what is there.
pub(super) struct Line<'a>(pub(super) &'a mut Vec<u8>);

/// A list or map that is being written.
pub(super) struct Open<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
    end: u8,
}

impl<'a> Line<'a> {
    fn open(self, begin: u8, end: u8) -> Open<'a> {
        self.0.push(begin);
        Open { out: self.0, is_first: true, end }
    }

    /// What `serde_json` writes of something short.
    fn short(self, value: impl Serialize) -> Result<(), Error> {
        serde_json::to_writer(self.0, &value)
    }
}

impl Open<'_> {
    fn separate(&mut self) {
        if !std::mem::replace(&mut self.is_first, false) {
            self.out.push(b',');
        }
    }

    fn close(self) {
        self.out.push(self.end);
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    match is_plain(text.as_bytes()) {
        true => out.extend_from_slice(text.as_bytes()),
        false => escaped(out, text),
    }
    out.push(b'"');
}

/// Whether the text stands in JSON as it is. Looks at eight bytes at a time.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = EACH << 7;
    // Not zero if one of the bytes is less than `than`, which is at most 128
    // (<https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord>).
    let less = |word: u64, than: u64| word.wrapping_sub(EACH * than) & !word & HIGH;
    let odd = |bytes: &[u8; 8]| {
        let word = u64::from_ne_bytes(*bytes);
        let is = |byte: u8| less(word ^ (EACH * u64::from(byte)), 1);
        less(word, 0x20) | is(b'"') | is(b'\\')
    };
    match (text.as_chunks::<8>().0, text.last_chunk::<8>()) {
        // The last eight bytes are looked at twice, in part.
        (words, Some(last)) => words.iter().fold(odd(last), |found, word| found | odd(word)) == 0,
        (_, None) => text.iter().all(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\'),
    }
}

#[cold]
fn escaped(out: &mut Vec<u8>, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in text.bytes() {
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            0x20.. => {
                out.push(byte);
                continue;
            }
            control => {
                let digits = [DIGITS[usize::from(control >> 4)], DIGITS[usize::from(control & 15)]];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
}

/// What no record holds.
fn foreign<T>() -> Result<T, Error> {
    Err(Error::custom("no part of a record"))
}

/// Values that no record holds.
macro_rules! foreign {
    ($($method:ident($($argument:ty),*) -> $ok:ty;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$ok, Error> { foreign() })*
    };
}

impl<'a> Serializer for Line<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Open<'a>;
    type SerializeMap = Open<'a>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeStruct = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        text(self.0, value);
        Ok(())
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.0.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.short(value)
    }

    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.short(value)
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.short(value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.short(value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Open<'a>, Error> {
        Ok(self.open(b'[', b']'))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Open<'a>, Error> {
        Ok(self.open(b'{', b'}'))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Error> {
        foreign()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<(), Error> {
        foreign()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Error> {
        foreign()
    }

    foreign! {
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_f32(f32) -> ();
        serialize_char(char) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}

impl SerializeMap for Open<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.separate();
        key.serialize(Line(self.out))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.out.push(b':');
        value.serialize(Line(self.out))
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

impl SerializeSeq for Open<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Error> {
        self.separate();
        element.serialize(Line(self.out))
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(value: impl Serialize) -> String {
        let mut out = Vec::new();
        value.serialize(Line(&mut out)).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// A map of texts and a list, as records have them.
    struct Nested<'a>(&'a [(String, String)]);

    impl Serialize for Nested<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            for (key, value) in self.0 {
                map.serialize_entry(key, value)?;
            }
            map.serialize_entry("list", self.0.iter().map(|(key, _)| key).collect::<Vec<_>>().as_slice())?;
            map.serialize_entry("none", &[""; 0][..])?;
            map.end()
        }
    }

    proptest! {
        #[test]
        fn it_is_what_serde_json_writes(texts in prop::collection::vec(("[\\x00-\\x7fäß日🚀]{0,40}", "\\PC{0,40}"), 0..5),
            signed: i64, unsigned: u64, small: u32, double: f64, flag: bool) {
            prop_assert_eq!(line(Nested(&texts)), serde_json::to_string(&Nested(&texts)).unwrap());
            prop_assert_eq!(line(signed), serde_json::to_string(&signed).unwrap());
            prop_assert_eq!(line(unsigned), serde_json::to_string(&unsigned).unwrap());
            prop_assert_eq!(line(small), serde_json::to_string(&small).unwrap());
            prop_assert_eq!(line(double), serde_json::to_string(&double).unwrap());
            prop_assert_eq!(line(flag), serde_json::to_string(&flag).unwrap());
        }
    }

    #[test]
    fn every_character_is_escaped_as_serde_json_does_wherever_it_stands() {
        for character in (0..0x100).filter_map(char::from_u32) {
            for place in 0..20 {
                let text = format!("{}{character}{}", "a".repeat(place), "b".repeat(19 - place));
                for text in [&text, &text[..place], &text[place..]] {
                    assert_eq!(line(text), serde_json::to_string(text).unwrap());
                }
            }
        }
    }
}
