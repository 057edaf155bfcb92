//! Random spans and log records, the same from the same seed: all types, and all that has ever broken an encoder.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, Key, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

/// SplitMix64.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

/// One seed, the same each time, so that a change is refused for what it did; or as many as `FUZZ_ROUNDS` says, that no run had
/// before. A test that fails prints the `FUZZ_SEED` that brings them back.
///
/// # Panics
/// One of the two variables is no number.
pub fn seeds() -> impl Iterator<Item = u64> {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|error| panic!("{name} is a whole number: {error}")))
    };
    let by_clock = || {
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
        Random(time.as_nanos() as u64).next()
    };
    let (first, rounds) = (number("FUZZ_SEED"), number("FUZZ_ROUNDS"));
    let first = first.unwrap_or_else(|| if rounds.is_some() { by_clock() } else { 1 });
    let rounds = rounds.unwrap_or(1);
    eprintln!("to run this again: FUZZ_SEED={first} FUZZ_ROUNDS={rounds}");
    (0..rounds).map(move |round| first.wrapping_add(round))
}

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }

    pub fn text(&mut self) -> String {
        let any = |random: &mut Self, length: usize| {
            let all = [
                'a', 'Z', '0', ' ', '\'', '"', '`', '\\', '\n', '\t', '\r', '\0', 'ü', '日', '🚀', '\u{202e}', '\u{7f}',
            ];
            (0..length).map(|_| random.one_of(&all)).collect()
        };
        match self.below(12) {
            0 => String::new(),
            1 => "\0".to_owned(),
            2 => self
                .one_of(&["'; DROP TABLE otel_logs; --", "{a=b}", "[1,2]", "NULL", "\\N", "\u{feff}", "a\0b", "%s%n"])
                .to_owned(),
            // Where the length takes one byte more.
            3 => "x".repeat(self.one_of(&[127, 128, 129, 255, 256, 16_383, 16_384])),
            4 => any(self, 200),
            5..=7 => self.next().to_string(),
            _ => {
                let length = self.below(30);
                any(self, length)
            }
        }
    }

    /// Exact in the tables: from 1970 to 2099, with the ends.
    pub fn time(&mut self) -> SystemTime {
        let seconds = match self.below(40) {
            0 => 0,
            1 => LAST_SECOND,
            // One of a few days, as nearly always.
            2..=37 => 1_780_000_000 + 86_400 * self.below(3) as u64 + self.below(86_400) as u64,
            _ => self.next() % LAST_SECOND,
        };
        let nanos = self.one_of(&[0, 1, 999_999_999, 123_456_789, 500_000_000]);
        SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos)
    }

    /// A time that is not a row's own: exact from 1900 to 2262, with the ends.
    pub fn inner_time(&mut self) -> SystemTime {
        match self.below(4) {
            0 => SystemTime::UNIX_EPOCH + Duration::from_nanos(i64::MAX as u64),
            1 => SystemTime::UNIX_EPOCH - Duration::from_secs(2_208_988_800),
            _ => self.time(),
        }
    }

    pub fn attribute(&mut self) -> KeyValue {
        let key = if self.below(2) == 0 {
            self.one_of(&["http.route", "user_id_hash", "", "a.b.c"]).to_owned()
        } else {
            self.text()
        };
        KeyValue::new(key, self.value())
    }

    pub fn attributes(&mut self, most: usize) -> Vec<KeyValue> {
        (0..self.below(most + 1)).map(|_| self.attribute()).collect()
    }

    fn value(&mut self) -> Value {
        match self.below(10) {
            0 => Value::Bool(self.below(2) == 0),
            1 => Value::I64(self.one_of(&[0, -1, 1, i64::MIN, i64::MAX])),
            2 => Value::I64(self.next() as i64),
            3 => self.one_of(DOUBLES).0.into(),
            4 => self.one_of(&lists()).0,
            _ => self.text().into(),
        }
    }

    fn trace_state(&mut self) -> TraceState {
        match self.below(3) {
            0 => TraceState::from_key_value([("vendor", "a:1"), ("other", "2")]).expect("valid keys"),
            _ => TraceState::NONE,
        }
    }

    fn context(&mut self) -> SpanContext {
        let trace = TraceId::from_bytes(self.bytes());
        SpanContext::new(
            trace,
            SpanId::from_bytes(self.bytes()),
            TraceFlags::SAMPLED,
            self.below(2) == 0,
            self.trace_state(),
        )
    }

    fn scope(&mut self) -> InstrumentationScope {
        let scope = InstrumentationScope::builder(self.text());
        match self.below(3) {
            0 => scope.build(),
            1 => scope.with_version("1.2.3").with_schema_url("https://example.com/schema").build(),
            _ => scope.with_attributes(self.attributes(3)).with_version(self.text()).build(),
        }
    }

    pub fn resource(&mut self) -> Resource {
        let mut attributes = self.attributes(6);
        if self.below(4) > 0 {
            attributes.push(KeyValue::new("service.name", self.text()));
        }
        Resource::builder_empty().with_schema_url(attributes, "https://opentelemetry.io/schemas/1.30.0").build()
    }

    pub fn span(&mut self) -> SpanData {
        let start_time = self.time();
        let mut events = SpanEvents::default();
        for _ in 0..self.below(4) {
            events.events.push(Event::new(self.text(), self.inner_time(), self.attributes(3), 0));
        }
        let mut links = SpanLinks::default();
        for _ in 0..self.below(3) {
            links.links.push(Link::new(self.context(), self.attributes(2), 0));
        }
        SpanData {
            span_context: self.context(),
            parent_span_id: if self.below(2) == 0 { SpanId::INVALID } else { SpanId::from_bytes(self.bytes()) },
            parent_span_is_remote: false,
            span_kind: self.one_of(&[
                SpanKind::Internal,
                SpanKind::Server,
                SpanKind::Client,
                SpanKind::Producer,
                SpanKind::Consumer,
            ]),
            name: Cow::Owned(self.text()),
            start_time,
            end_time: match self.below(4) {
                0 => start_time,
                1 => start_time - Duration::from_nanos(1),
                _ => start_time + Duration::from_nanos(self.next() >> self.below(64)),
            },
            attributes: self.attributes(8),
            dropped_attributes_count: 0,
            events,
            links,
            status: match self.below(3) {
                0 => Status::Unset,
                1 => Status::Ok,
                _ => Status::error(self.text()),
            },
            instrumentation_scope: self.scope(),
        }
    }

    /// A record whose attribute `row` is this number.
    pub fn log(&mut self, row: usize) -> (SdkLogRecord, InstrumentationScope) {
        let mut record = SdkLoggerProvider::builder().build().logger("").create_log_record();
        match self.below(4) {
            0 => record.set_observed_timestamp(self.time()),
            _ => {
                record.set_observed_timestamp(self.time());
                record.set_timestamp(self.time());
            }
        }
        if self.below(2) == 0 {
            record.set_target(self.text());
        }
        if self.below(2) == 0 {
            let flags = self.one_of(&[None, Some(TraceFlags::SAMPLED), Some(TraceFlags::default())]);
            record.set_trace_context(TraceId::from_bytes(self.bytes()), SpanId::from_bytes(self.bytes()), flags);
        }
        if self.below(4) > 0 {
            record.set_severity_number(self.one_of(&[
                Severity::Trace,
                Severity::Info,
                Severity::Warn2,
                Severity::Fatal4,
            ]));
            record.set_severity_text(self.one_of(&["", "INFO", "\"'\\"]));
        }
        if self.below(4) > 0 {
            record.set_body(self.any());
        }
        if self.below(2) == 0 {
            record.set_event_name("order.placed");
        }
        record.add_attribute("row", row as i64);
        for _ in 0..self.below(8) {
            let value = self.any();
            record.add_attribute(self.text(), value);
        }
        (record, self.scope())
    }

    fn any(&mut self) -> AnyValue {
        match self.below(8) {
            0 => self.one_of(DOUBLES).0.into(),
            1 => AnyValue::Boolean(self.below(2) == 0),
            2 => AnyValue::Int(self.next() as i64),
            3 => self.one_of(&trees()).0,
            _ => self.text().into(),
        }
    }
}

/// The last second that is stored as it is.
pub const LAST_SECOND: u64 = 4_102_444_799;

/// Numbers and how they are written.
pub const DOUBLES: &[(f64, &str)] = &[
    (0.0, "0"),
    (-0.5, "-0.5"),
    (1e300, "1e+300"),
    (5e-324, "5e-324"),
    (0.1, "0.1"),
    (f64::NAN, "NaN"),
    (f64::INFINITY, "+Inf"),
    (f64::NEG_INFINITY, "-Inf"),
];

/// Lists and how they are written.
pub fn lists() -> Vec<(Value, &'static str)> {
    let strings = vec![StringValue::from("a\"b"), StringValue::from("日\n")];
    vec![
        (Value::Array(Vec::<bool>::new().into()), "[]"),
        (Value::Array(vec![true, false].into()), "[true,false]"),
        (Value::Array(vec![1_i64, i64::MIN].into()), "[1,-9223372036854775808]"),
        (Value::Array(vec![0.5, f64::INFINITY].into()), "[0.5,\"+Inf\"]"),
        (Value::Array(strings.into()), "[\"a\\\"b\",\"日\\n\"]"),
    ]
}

/// Nested values and how they are written.
pub fn trees() -> Vec<(AnyValue, &'static str)> {
    let list = AnyValue::ListAny(Box::new(vec![AnyValue::Int(1), AnyValue::String("x".into())]));
    let map = HashMap::from([(Key::new("b"), list.clone()), (Key::new("a"), AnyValue::Boolean(true))]);
    vec![
        (list, "[1,\"x\"]"),
        (AnyValue::Map(Box::new(map)), "{\"a\":true,\"b\":[1,\"x\"]}"),
        (AnyValue::Bytes(Box::new(vec![0, 255, 16])), "AP8Q"),
        (AnyValue::Bytes(Box::default()), ""),
    ]
}
