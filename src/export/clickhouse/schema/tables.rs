//! The tables of the collector's exporter.

use super::super::table::Table;
use super::{Schema, days_from};

/// The statement that creates a table.
pub(super) fn create(schema: &Schema, table: Table) -> String {
    let create = schema.create("TABLE", schema.name(table));
    let columns = match table {
        Table::Traces => TRACES.to_owned(),
        Table::Logs => LOGS.to_owned(),
        Table::Gauge => [SERIES, VALUE, EXEMPLARS, METRIC_INDEXES].join(",\n"),
        Table::Sum => [SERIES, VALUE, EXEMPLARS, SUM, METRIC_INDEXES].join(",\n"),
        Table::Histogram => [SERIES, HISTOGRAM, EXEMPLARS, EXTREMES, METRIC_INDEXES].join(",\n"),
        Table::ExponentialHistogram => [SERIES, EXPONENTIAL, EXEMPLARS, EXTREMES, METRIC_INDEXES].join(",\n"),
        Table::Summary => [SERIES, SUMMARY, METRIC_INDEXES].join(",\n"),
    };
    let keys = match table {
        Table::Traces => {
            "PARTITION BY toDate(Timestamp)\n\
             PRIMARY KEY (ServiceName, SpanName, toDateTime(Timestamp))\n\
             ORDER BY (ServiceName, SpanName, toDateTime(Timestamp), Timestamp)"
        }
        Table::Logs => {
            "PARTITION BY toDate(TimestampTime)\n\
             PRIMARY KEY (ServiceName, TimestampTime)\n\
             ORDER BY (ServiceName, TimestampTime, Timestamp)"
        }
        _ => {
            "PARTITION BY toDate(TimeUnix)\n\
             ORDER BY (ServiceName, MetricName, Attributes, toUnixTimestamp64Nano(TimeUnix))"
        }
    };
    format!("{create} (\n{columns}\n) {}", schema.storage("MergeTree", keys, ttl(schema, table)))
}

/// How long the rows of a table are kept.
pub(super) fn ttl(schema: &Schema, table: Table) -> Option<String> {
    match table {
        Table::Traces => days_from("toDateTime(Timestamp)", schema.retention.traces),
        Table::Logs => days_from("TimestampTime", schema.retention.logs),
        _ => days_from("toDateTime(TimeUnix)", schema.retention.metrics),
    }
}

/// The table that finds a trace's time by its id, and the view that fills it.
pub(super) fn trace_times(schema: &Schema) -> [String; 2] {
    let name = trace_times_name(schema);
    let table = format!(
        "{} (\n    \
             TraceId String CODEC(ZSTD(1)),\n    \
             Start SimpleAggregateFunction(min, DateTime) CODEC(Delta, ZSTD(1)),\n    \
             End SimpleAggregateFunction(max, DateTime) CODEC(Delta, ZSTD(1)),\n    \
             INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1\n\
         ) {}",
        schema.create("TABLE", &name),
        schema.storage(
            "AggregatingMergeTree",
            "PARTITION BY toStartOfWeek(Start)\nORDER BY TraceId",
            trace_times_ttl(schema)
        ),
    );
    let view = format!(
        "{} TO {}\n\
         AS SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End\n\
         FROM {}\n\
         WHERE TraceId != ''\n\
         GROUP BY TraceId",
        schema.create("MATERIALIZED VIEW", &format!("{name}_mv")),
        schema.path(&name),
        schema.path(schema.name(Table::Traces)),
    );
    [table, view]
}

pub(super) fn trace_times_name(schema: &Schema) -> String {
    format!("{}_trace_id_ts", schema.name(Table::Traces))
}

pub(super) fn trace_times_ttl(schema: &Schema) -> Option<String> {
    days_from("Start", schema.retention.traces)
}

/// Spans with a flat column for each thing that people ask for first.
pub(super) fn flat_view(schema: &Schema, name: &str) -> String {
    format!(
        "{} AS SELECT\n    \
             Timestamp AS timestamp,\n    \
             TraceId AS trace_id,\n    \
             SpanId AS span_id,\n    \
             ParentSpanId AS parent_span_id,\n    \
             SpanName AS span_name,\n    \
             SpanKind AS span_kind,\n    \
             ServiceName AS service_name,\n    \
             ResourceAttributes['service.version'] AS service_version,\n    \
             Duration / 1000000 AS duration_ms,\n    \
             StatusCode AS status_code,\n    \
             StatusMessage AS status_message,\n    \
             SpanAttributes AS attributes,\n    \
             ResourceAttributes AS resource_attributes\n\
         FROM {}",
        schema.create("VIEW", name),
        schema.path(schema.name(Table::Traces)),
    )
}

const TRACES: &str = "    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)),
    TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)),
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    Duration UInt64 CODEC(ZSTD(1)),
    StatusCode LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    Events Nested (
        Timestamp DateTime64(9),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    Links Nested (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1";

const LOGS: &str = "    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TimestampTime DateTime DEFAULT toDateTime(Timestamp),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    TraceFlags UInt8,
    SeverityText LowCardinality(String) CODEC(ZSTD(1)),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    Body String CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    EventName String CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_scope_attr_key mapKeys(ScopeAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_scope_attr_value mapValues(ScopeAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_log_attr_key mapKeys(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_log_attr_value mapValues(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_body Body TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8";

const SERIES: &str = "    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceSchemaUrl String CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl String CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    MetricName String CODEC(ZSTD(1)),
    MetricDescription String CODEC(ZSTD(1)),
    MetricUnit String CODEC(ZSTD(1)),
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StartTimeUnix DateTime64(9) CODEC(Delta, ZSTD(1)),
    TimeUnix DateTime64(9) CODEC(Delta, ZSTD(1)),
    Flags UInt32 CODEC(ZSTD(1))";

const VALUE: &str = "    Value Float64 CODEC(ZSTD(1))";

const EXEMPLARS: &str = "    Exemplars Nested (
        FilteredAttributes Map(LowCardinality(String), String),
        TimeUnix DateTime64(9),
        Value Float64,
        SpanId String,
        TraceId String
    ) CODEC(ZSTD(1))";

const SUM: &str = "    AggregationTemporality Int32 CODEC(ZSTD(1)),
    IsMonotonic Bool CODEC(Delta, ZSTD(1))";

const HISTOGRAM: &str = "    Count UInt64 CODEC(Delta, ZSTD(1)),
    Sum Float64 CODEC(ZSTD(1)),
    BucketCounts Array(UInt64) CODEC(ZSTD(1)),
    ExplicitBounds Array(Float64) CODEC(ZSTD(1))";

const EXPONENTIAL: &str = "    Count UInt64 CODEC(Delta, ZSTD(1)),
    Sum Float64 CODEC(ZSTD(1)),
    Scale Int32 CODEC(ZSTD(1)),
    ZeroCount UInt64 CODEC(ZSTD(1)),
    PositiveOffset Int32 CODEC(ZSTD(1)),
    PositiveBucketCounts Array(UInt64) CODEC(ZSTD(1)),
    NegativeOffset Int32 CODEC(ZSTD(1)),
    NegativeBucketCounts Array(UInt64) CODEC(ZSTD(1))";

const EXTREMES: &str = "    Min Float64 CODEC(ZSTD(1)),
    Max Float64 CODEC(ZSTD(1)),
    AggregationTemporality Int32 CODEC(ZSTD(1))";

const SUMMARY: &str = "    Count UInt64 CODEC(Delta, ZSTD(1)),
    Sum Float64 CODEC(ZSTD(1)),
    ValueAtQuantiles Nested (
        Quantile Float64,
        Value Float64
    ) CODEC(ZSTD(1))";

const METRIC_INDEXES: &str =
    "    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_scope_attr_key mapKeys(ScopeAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_scope_attr_value mapValues(ScopeAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_attr_key mapKeys(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_attr_value mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1";
