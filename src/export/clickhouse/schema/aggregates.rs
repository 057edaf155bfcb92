//! What is kept of the spans when they are gone: counts, errors and latencies, with no attribute and no id.

use super::super::table::Table;
use super::identifier::Literal;
use super::{Schema, days_from};

/// The table, the view that fills it, and the view for publishing.
pub(super) fn statements(schema: &Schema) -> [String; 3] {
    let name = table_name(schema);
    let table = format!(
        "{} (\n    \
             Minute DateTime CODEC(Delta, ZSTD(1)),\n    \
             ServiceName LowCardinality(String) CODEC(ZSTD(1)),\n    \
             SpanName LowCardinality(String) CODEC(ZSTD(1)),\n    \
             SpanKind LowCardinality(String) CODEC(ZSTD(1)),\n    \
             Spans SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),\n    \
             Errors SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),\n    \
             Duration AggregateFunction(quantilesTDigest({QUANTILES}), UInt64) CODEC(ZSTD(1)),\n    \
             MaxDuration SimpleAggregateFunction(max, UInt64) CODEC(ZSTD(1)),\n    \
             Senders AggregateFunction(uniqCombined(12), String) CODEC(ZSTD(1))\n\
         ) {}",
        schema.create("TABLE", &name),
        schema.storage(
            "AggregatingMergeTree",
            "PARTITION BY toYYYYMM(Minute)\nORDER BY (ServiceName, SpanName, SpanKind, Minute)",
            ttl(schema)
        ),
    );
    let view = format!(
        "{} TO {}\n\
         AS SELECT\n    \
             toStartOfMinute(Timestamp) AS Minute,\n    \
             ServiceName,\n    \
             SpanName,\n    \
             SpanKind,\n    \
             count() AS Spans,\n    \
             countIf(StatusCode = 'Error') AS Errors,\n    \
             quantilesTDigestState({QUANTILES})(Duration) AS Duration,\n    \
             max(spans.Duration) AS MaxDuration,\n    \
             uniqCombinedState(12)(ResourceAttributes[{}]) AS Senders\n\
         FROM {} AS spans\n\
         GROUP BY Minute, ServiceName, SpanName, SpanKind",
        schema.create("MATERIALIZED VIEW", &format!("{name}_mv")),
        schema.path(&name),
        Literal(&schema.sender),
        schema.path(schema.name(Table::Traces)),
    );
    let published = format!(
        "{} AS SELECT\n    \
             toDate(Minute) AS Day,\n    \
             ServiceName,\n    \
             SpanName,\n    \
             SpanKind,\n    \
             sum(Spans) AS Spans,\n    \
             sum(Errors) AS Errors,\n    \
             quantilesTDigestMerge({QUANTILES})(Duration) AS Duration,\n    \
             uniqCombinedMerge(12)(Senders) AS Senders\n\
         FROM {}\n\
         GROUP BY Day, ServiceName, SpanName, SpanKind\n\
         HAVING Senders >= {}",
        schema.create("VIEW", &format!("{}_per_day", schema.name(Table::Traces))),
        schema.path(&name),
        schema.threshold,
    );
    [table, view, published]
}

pub(super) fn table_name(schema: &Schema) -> String {
    format!("{}_per_minute", schema.name(Table::Traces))
}

pub(super) fn ttl(schema: &Schema) -> Option<String> {
    days_from("Minute", schema.retention.aggregates)
}

/// The median and what slow requests are judged by.
const QUANTILES: &str = "0.5, 0.9, 0.95, 0.99";
