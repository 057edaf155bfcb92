//! Log records.

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::logs::SdkLogRecord;

use super::super::blocks::Blocks;
use super::super::tables::Logs;
use super::super::value::push_any;
use super::{Origin, nanos, push_attributes};

/// Appends a log record.
pub(in super::super) fn log(
    record: &SdkLogRecord,
    scope: &InstrumentationScope,
    origin: &Origin,
    blocks: &mut Blocks<Logs>,
) {
    let (to, timestamp) = blocks.row(time(record));
    to.timestamp.push(timestamp);
    let context = record.trace_context();
    to.trace_id.push_id(context.map_or([0; 16], |context| context.trace_id.to_bytes()));
    to.span_id.push_id(context.map_or([0; 8], |context| context.span_id.to_bytes()));
    to.trace_flags.push(context.and_then(|context| context.trace_flags).unwrap_or_default().to_u8());
    to.severity_text.push(record.severity_text().unwrap_or_default());
    // OpenTelemetry's numbers are 1 to 24.
    to.severity_number.push(record.severity_number().map_or(0, |number| number as u8));
    to.service_name.push_encoded(&origin.service_name.bytes);
    to.body.push_with(|text| record.body().into_iter().for_each(|body| push_any(text, body)));
    to.resource_schema_url.push_encoded(&origin.schema_url.bytes);
    to.resource_attributes.push_row_of(&origin.resource_attributes);
    to.scope_schema_url.push(scope.schema_url().unwrap_or_default());
    // As over OTLP: where a record comes from takes the place of the name of the logger that it went through.
    to.scope_name.push(record.target().map_or(scope.name(), |target| target));
    to.scope_version.push(scope.version().unwrap_or_default());
    push_attributes(&mut to.scope_attributes, scope.attributes());
    let mut entries = 0;
    for (key, value) in record.attributes_iter() {
        to.log_attributes.keys.push(key.as_str());
        to.log_attributes.values.push_with(|text| push_any(text, value));
        entries += 1;
    }
    to.log_attributes.end_row(entries);
    to.event_name.push(record.event_name().unwrap_or_default());
}

/// Log records in the order of the table's key, so that the server need not sort them.
pub(in super::super) fn in_order<'a>(
    records: impl IntoIterator<Item = (&'a SdkLogRecord, &'a InstrumentationScope)>,
) -> impl Iterator<Item = (&'a SdkLogRecord, &'a InstrumentationScope)> {
    let mut records: Vec<_> = records.into_iter().collect();
    // Those of one thread are in order already, and this sees it.
    records.sort_by_key(|(record, _)| time(record));
    records.into_iter()
}

fn time(record: &SdkLogRecord) -> i64 {
    record.timestamp().or(record.observed_timestamp()).map_or(0, nanos)
}
