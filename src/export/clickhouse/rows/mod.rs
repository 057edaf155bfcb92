//! From the SDK's types to rows.

mod log;
mod metric;
mod span;

use std::time::{Duration, SystemTime};

use opentelemetry::{InstrumentationScope, Key, KeyValue};
use opentelemetry_sdk::Resource;

use super::columns::{Map, Text};
use super::value::push_value;

pub(super) use log::{in_order as logs_in_order, log};
pub(super) use metric::{Period, metrics};
pub(super) use span::{in_order as spans_in_order, span};

/// What all rows of a batch share, encoded once.
#[derive(Debug, Default)]
pub(super) struct Origin {
    service_name: Text,
    resource_attributes: Map,
    schema_url: Text,
}

impl Origin {
    pub(super) fn new(resource: &Resource) -> Self {
        let mut origin = Origin::default();
        // A resource has its attributes in another order each time that it is made, and what is sealed again is to have the
        // same bytes.
        let mut attributes: Vec<_> = resource.iter().collect();
        attributes.sort_unstable_by_key(|(key, _)| *key);
        for (key, value) in &attributes {
            origin.resource_attributes.keys.push(key.as_str());
            origin.resource_attributes.values.push_with(|text| push_value(text, value));
        }
        origin.resource_attributes.end_row(attributes.len());
        let name = resource.get_ref(&Key::from_static_str("service.name"));
        origin.service_name.push_with(|text| name.into_iter().for_each(|name| push_value(text, name)));
        origin.schema_url.push(resource.schema_url().unwrap_or_default());
        origin
    }
}

/// What rows of one instrumentation scope share.
#[derive(Debug, Default)]
pub(super) struct Scope {
    name: Text,
    version: Text,
    schema_url: Text,
    attributes: Map,
}

impl Scope {
    fn new(scope: &InstrumentationScope) -> Self {
        let mut shared = Scope::default();
        shared.name.push(scope.name());
        shared.version.push(scope.version().unwrap_or_default());
        shared.schema_url.push(scope.schema_url().unwrap_or_default());
        push_attributes(&mut shared.attributes, scope.attributes());
        shared
    }
}

/// Appends a row of attributes.
#[inline]
fn push_attributes<'a>(map: &mut Map, attributes: impl IntoIterator<Item = &'a KeyValue>) {
    let mut entries = 0;
    for attribute in attributes {
        map.keys.push(attribute.key.as_str());
        map.values.push_with(|text| push_value(text, &attribute.value));
        entries += 1;
    }
    map.end_row(entries);
}

/// Nanoseconds since 1970, in the range of `DateTime64(9)`: from 1900 to April 2262; a time beyond is taken as the nearer
/// end.
#[inline]
fn nanos(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => whole(after).unwrap_or(i64::MAX),
        Err(before) => whole(before.duration()).map_or(EARLIEST, |nanos| EARLIEST.max(-nanos)),
    }
}

/// 1900-01-01T00:00:00Z. The number could be smaller, but ClickHouse does not read such a time as text.
const EARLIEST: i64 = -2_208_988_800_000_000_000;

fn whole(duration: Duration) -> Option<i64> {
    let seconds = i64::try_from(duration.as_secs()).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(i64::from(duration.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use opentelemetry::logs::{LogRecord as _, Logger as _, LoggerProvider as _};
    use opentelemetry_sdk::logs::SdkLoggerProvider;

    use super::super::encoder::Encoder;
    use super::*;

    #[test]
    fn the_order_of_a_resources_attributes_does_not_change_a_byte() {
        let mut attributes: Vec<_> = (0..9).map(|n| KeyValue::new(format!("key.{n}"), n)).collect();
        let body = |attributes: &[KeyValue]| {
            let resource = Resource::builder_empty().with_attributes(attributes.iter().cloned()).build();
            let logger = SdkLoggerProvider::builder().build().logger("");
            let (mut record, scope) = (logger.create_log_record(), InstrumentationScope::default());
            record.set_timestamp(SystemTime::UNIX_EPOCH);
            Encoder::default().logs([(&record, &scope)], &resource).remove(0).body
        };
        let first = body(&attributes);
        attributes.reverse();
        assert!(body(&attributes) == first);
    }

    #[test]
    fn a_time_is_exact_from_1900_to_2262_and_the_nearer_end_beyond() {
        let after = |duration| SystemTime::UNIX_EPOCH + duration;
        let before = |duration| SystemTime::UNIX_EPOCH - duration;
        for n in [0, 1, 999_999_999, 1_000_000_000, i64::MAX as u64] {
            assert_eq!(nanos(after(Duration::from_nanos(n))), n as i64);
        }
        for n in [0, 1, 999_999_999, 1_000_000_000, EARLIEST.unsigned_abs()] {
            assert_eq!(nanos(before(Duration::from_nanos(n))), -(n as i64));
        }
        assert_eq!(nanos(after(Duration::from_nanos(1 << 63))), i64::MAX);
        assert_eq!(nanos(before(Duration::from_nanos(EARLIEST.unsigned_abs() + 1))), EARLIEST);
        assert_eq!(nanos(after(Duration::from_secs(1 << 60))), i64::MAX);
        assert_eq!(nanos(before(Duration::from_secs(1 << 60))), EARLIEST);
    }
}
