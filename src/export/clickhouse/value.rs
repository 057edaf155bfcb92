//! Values of attributes as the text that ClickHouse keeps.
//!
//! The text is the one that the OpenTelemetry collector's exporter writes (`pcommon.Value.AsString`): strings as they are,
//! numbers in decimal, lists and maps as JSON, bytes as base64.

use opentelemetry::logs::AnyValue;
use opentelemetry::{Array, Value};

/// Appends the text of a span's or a metric's attribute.
#[inline]
pub(super) fn push_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(value) => push_bool(out, *value),
        Value::I64(value) => push_integer(out, *value),
        Value::F64(value) => push_double(out, *value),
        Value::String(value) => out.extend_from_slice(value.as_str().as_bytes()),
        Value::Array(Array::Bool(values)) => push_list(out, values, |out, value| push_bool(out, *value)),
        Value::Array(Array::I64(values)) => push_list(out, values, |out, value| push_integer(out, *value)),
        Value::Array(Array::F64(values)) => push_list(out, values, |out, value| push_json_double(out, *value)),
        Value::Array(Array::String(values)) => push_list(out, values, |out, value| push_quoted(out, value.as_str())),
        // The type may grow; it can always be shown.
        other => out.extend_from_slice(other.to_string().as_bytes()),
    }
}

/// Appends the text of a log record's body or attribute.
pub(super) fn push_any(out: &mut Vec<u8>, value: &AnyValue) {
    match value {
        AnyValue::String(value) => out.extend_from_slice(value.as_str().as_bytes()),
        AnyValue::Double(value) => push_double(out, *value),
        AnyValue::Bytes(bytes) => push_base64(out, bytes),
        other => push_json(out, other),
    }
}

fn push_json(out: &mut Vec<u8>, value: &AnyValue) {
    match value {
        AnyValue::Int(value) => push_integer(out, *value),
        AnyValue::Double(value) => push_json_double(out, *value),
        AnyValue::String(value) => push_quoted(out, value.as_str()),
        AnyValue::Boolean(value) => push_bool(out, *value),
        AnyValue::Bytes(bytes) => {
            out.push(b'"');
            push_base64(out, bytes);
            out.push(b'"');
        }
        AnyValue::ListAny(values) => push_list(out, values, push_json),
        AnyValue::Map(map) => {
            // In order of the keys, so that equal maps are equal text.
            let mut entries: Vec<_> = map.iter().map(|(key, value)| (key.as_str(), value)).collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push(b'{');
            for (place, (key, value)) in entries.into_iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                push_quoted(out, key);
                out.push(b':');
                push_json(out, value);
            }
            out.push(b'}');
        }
        // The type may grow; nothing is known of how to show what is new.
        _ => out.extend_from_slice(b"null"),
    }
}

fn push_list<T>(out: &mut Vec<u8>, values: &[T], push: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        push(out, value);
    }
    out.push(b']');
}

pub(super) fn push_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

pub(super) fn push_integer(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    push_unsigned(out, value.unsigned_abs());
}

pub(super) fn push_unsigned(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// The shortest text that reads back as the same number, as JavaScript writes it; `NaN`, `+Inf` and `-Inf` besides.
pub(super) fn push_double(out: &mut Vec<u8>, value: f64) {
    use std::io::Write as _;
    let size = value.abs();
    let written = if value.is_nan() {
        out.write_all(b"NaN")
    } else if value.is_infinite() {
        out.write_all(if value > 0.0 { b"+Inf" } else { b"-Inf" })
    } else if size >= 1e21 {
        // Rust leaves the plus out.
        let text = format!("{value:e}");
        out.write_all(text.replace('e', "e+").as_bytes())
    } else if size < 1e-6 && size > 0.0 {
        write!(out, "{value:e}")
    } else {
        write!(out, "{value}")
    };
    written.expect("writing to memory does not fail");
}

/// In JSON there is no number for what is none.
fn push_json_double(out: &mut Vec<u8>, value: f64) {
    let quote: &[u8] = if value.is_finite() { b"" } else { b"\"" };
    out.extend_from_slice(quote);
    push_double(out, value);
    out.extend_from_slice(quote);
}

/// Appends a JSON string.
pub(super) fn push_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut clean = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..=0x1f => {
                out.extend_from_slice(&text.as_bytes()[clean..at]);
                clean = at + 1;
                let digits = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]);
                continue;
            }
            _ => continue,
        };
        out.extend_from_slice(&text.as_bytes()[clean..at]);
        out.extend_from_slice(escaped);
        clean = at + 1;
    }
    out.extend_from_slice(&text.as_bytes()[clean..]);
    out.push(b'"');
}

/// The standard alphabet, padded.
fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let mut bits = [0; 3];
        bits[..group.len()].copy_from_slice(group);
        let [a, b, c] = bits;
        let sextets = [a >> 2, (a & 3) << 4 | b >> 4, (b & 15) << 2 | c >> 6, c & 63];
        for (place, sextet) in sextets.into_iter().enumerate() {
            out.push(if place <= group.len() { ALPHABET[usize::from(sextet)] } else { b'=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::{Key, StringValue};

    use super::*;

    fn text(value: impl Into<Value>) -> String {
        let mut out = Vec::new();
        push_value(&mut out, &value.into());
        String::from_utf8(out).unwrap()
    }

    fn any(value: impl Into<AnyValue>) -> String {
        let mut out = Vec::new();
        push_any(&mut out, &value.into());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn integers_are_decimal() {
        for value in [0, 1, -1, 9, 10, 99, 100, -128, i64::MAX, i64::MIN] {
            assert_eq!(text(value), value.to_string());
            assert_eq!(any(value), value.to_string());
        }
        let mut out = Vec::new();
        push_unsigned(&mut out, u64::MAX);
        assert_eq!(out, u64::MAX.to_string().into_bytes());
    }

    #[test]
    fn doubles_are_as_the_collector_writes_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (1e-6, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (5e-324, "5e-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(text(value), expected);
            assert_eq!(any(value), expected);
        }
    }

    #[test]
    fn lists_and_maps_are_json() {
        assert_eq!(text(Value::Array(vec![true, false].into())), "[true,false]");
        assert_eq!(text(Value::Array(vec![1_i64, -2].into())), "[1,-2]");
        assert_eq!(text(Value::Array(vec![0.5, f64::NAN].into())), r#"[0.5,"NaN"]"#);
        let strings = vec![StringValue::from("a\"\\\n\t\r\u{1}ü"), StringValue::from("")];
        assert_eq!(text(Value::Array(strings.into())), "[\"a\\\"\\\\\\n\\t\\r\\u0001ü\",\"\"]");
        let map = HashMap::from([
            (Key::new("z"), AnyValue::ListAny(Box::new(vec![1.into(), "x".into(), true.into()]))),
            (Key::new("a"), AnyValue::Bytes(Box::new(b"\xfb\xff".to_vec()))),
        ]);
        assert_eq!(any(AnyValue::Map(Box::new(map))), r#"{"a":"+/8=","z":[1,"x",true]}"#);
    }

    #[test]
    fn bytes_are_base64() {
        for (bytes, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(any(AnyValue::Bytes(Box::new(bytes.into()))), expected);
        }
    }
}
