//! Spans.

use opentelemetry::trace::{SpanKind, Status, TraceState};
use opentelemetry_sdk::trace::SpanData;

use super::super::blocks::Blocks;
use super::super::columns::DateTime64;
use super::super::low_cardinality::LowCardinality;
use super::super::tables::Traces;
use super::{Origin, nanos, push_attributes};

/// Appends a span.
#[inline]
pub(in super::super) fn span(span: &SpanData, origin: &Origin, blocks: &mut Blocks<Traces>) {
    let (to, timestamp) = blocks.row(nanos(span.start_time));
    to.timestamp.push(timestamp);
    to.trace_id.push_id(span.span_context.trace_id().to_bytes());
    to.span_id.push_id(span.span_context.span_id().to_bytes());
    to.parent_span_id.push_id(span.parent_span_id.to_bytes());
    to.trace_state.push(&trace_state(span.span_context.trace_state()));
    to.span_name.push(&span.name);
    to.span_kind.push(match span.span_kind {
        SpanKind::Internal => "Internal",
        SpanKind::Server => "Server",
        SpanKind::Client => "Client",
        SpanKind::Producer => "Producer",
        SpanKind::Consumer => "Consumer",
    });
    to.service_name.push_encoded(&origin.service_name.bytes);
    to.resource_attributes.push_row_of(&origin.resource_attributes);
    to.scope_name.push(span.instrumentation_scope.name());
    to.scope_version.push(span.instrumentation_scope.version().unwrap_or_default());
    push_attributes(&mut to.span_attributes, &span.attributes);
    // A clock that went back makes no duration.
    let duration = span.end_time.duration_since(span.start_time).unwrap_or_default();
    to.duration.push(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    let (code, message) = match &span.status {
        Status::Unset => ("Unset", ""),
        Status::Ok => ("Ok", ""),
        Status::Error { description } => ("Error", &**description),
    };
    to.status_code.push(code);
    to.status_message.push(message);

    for event in &span.events.events {
        to.event_timestamp.items.push(DateTime64(nanos(event.timestamp)));
        to.event_name.items.push(&event.name);
        push_attributes(&mut to.event_attributes.items, &event.attributes);
    }
    let events = span.events.events.len();
    to.event_timestamp.end_row(events);
    to.event_name.end_row(events);
    to.event_attributes.end_row(events);

    for link in &span.links.links {
        to.link_trace_id.items.push_id(link.span_context.trace_id().to_bytes());
        to.link_span_id.items.push_id(link.span_context.span_id().to_bytes());
        to.link_trace_state.items.push(&trace_state(link.span_context.trace_state()));
        push_attributes(&mut to.link_attributes.items, &link.attributes);
    }
    let links = span.links.links.len();
    to.link_trace_id.end_row(links);
    to.link_span_id.end_row(links);
    to.link_trace_state.end_row(links);
    to.link_attributes.end_row(links);
}

/// As many spans as a core's cache holds. To fetch more of them out of the order in which they were made costs more than it
/// saves the server.
const SORTED: usize = 2048;

/// Spans in the order of the table's key, so that the server need not sort them.
pub(in super::super) fn in_order(spans: &[SpanData]) -> impl Iterator<Item = &SpanData> {
    let mut keys: Vec<(u32, i64, usize)> = Vec::new();
    if spans.len() <= SORTED {
        let mut names = LowCardinality::default();
        spans.iter().for_each(|span| names.push(&span.name));
        let key = |(rank, (index, span)): (u32, (usize, &SpanData))| (rank, nanos(span.start_time), index);
        keys.extend(names.ranks().zip(spans.iter().enumerate()).map(key));
        keys.sort_unstable();
    }
    (0..spans.len()).map(move |place| &spans[keys.get(place).map_or(place, |(.., index)| *index)])
}

fn trace_state(state: &TraceState) -> String {
    if *state == TraceState::NONE { String::new() } else { state.header() }
}
