//! The tables that rows are inserted into.

use std::fmt;

/// A table of the OpenTelemetry collector's ClickHouse exporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Table {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Points of gauges.
    Gauge,
    /// Points of counters.
    Sum,
    /// Points of histograms with fixed buckets.
    Histogram,
    /// Points of histograms with exponential buckets.
    ExponentialHistogram,
    /// Points of summaries: made by other senders, never by OpenTelemetry's Rust SDK.
    Summary,
}

impl Table {
    /// All of them.
    pub const ALL: [Table; 7] = [
        Table::Traces,
        Table::Logs,
        Table::Gauge,
        Table::Sum,
        Table::Histogram,
        Table::ExponentialHistogram,
        Table::Summary,
    ];

    /// The name that the collector's exporter gives it.
    pub const fn default_name(self) -> &'static str {
        match self {
            Table::Traces => "otel_traces",
            Table::Logs => "otel_logs",
            Table::Gauge => "otel_metrics_gauge",
            Table::Sum => "otel_metrics_sum",
            Table::Histogram => "otel_metrics_histogram",
            Table::ExponentialHistogram => "otel_metrics_exponential_histogram",
            Table::Summary => "otel_metrics_summary",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.default_name())
    }
}
