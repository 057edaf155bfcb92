//! The columns of each table, under the names that the collector's exporter gives them.
//!
//! Types are the collector's too, but for `DateTime`: what a table has otherwise the server casts, at a fraction of what parsing
//! rows costs it.

use super::columns::{Array, Column, DateTime64, Map, SharedMap, Text, Values};
use super::low_cardinality::LowCardinality;
use super::runs::Runs;
use super::table::Table;

/// All columns of a table.
pub(super) trait Columns: Default {
    const TABLE: Table;

    /// Visits each column with its name.
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'static str, &'a dyn Column));
}

macro_rules! columns {
    ($(#[$docs:meta])* $table:ident { $($(#[$field_docs:meta])* $field:ident: $type:ty = $name:literal,)* $(.. $shared:ident: $group:ty)? }) => {
        $(#[$docs])*
        #[derive(Debug, Default)]
        pub(super) struct $table {
            $($(#[$field_docs])* pub(super) $field: $type,)*
            $(pub(super) $shared: $group,)?
        }

        impl $table {
            fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'static str, &'a dyn Column)) {
                $(self.$shared.visit(visit);)?
                $(visit($name, &self.$field);)*
            }
        }
    };
}

macro_rules! tables {
    ($($table:ident,)*) => {$(
        impl Columns for $table {
            const TABLE: Table = Table::$table;

            fn each<'a>(&'a self, visit: &mut dyn FnMut(&'static str, &'a dyn Column)) {
                self.visit(visit);
            }
        }
    )*};
}

tables! { Traces, Logs, Gauge, Sum, Histogram, ExponentialHistogram, }

columns! {
    Traces {
        timestamp: Values<DateTime64> = "Timestamp",
        trace_id: Text = "TraceId",
        span_id: Text = "SpanId",
        parent_span_id: Text = "ParentSpanId",
        trace_state: Runs<Text> = "TraceState",
        span_name: LowCardinality = "SpanName",
        span_kind: LowCardinality = "SpanKind",
        service_name: LowCardinality = "ServiceName",
        resource_attributes: SharedMap = "ResourceAttributes",
        scope_name: Runs<Text> = "ScopeName",
        scope_version: Runs<Text> = "ScopeVersion",
        span_attributes: Map = "SpanAttributes",
        /// In nanoseconds.
        duration: Values<u64> = "Duration",
        status_code: LowCardinality = "StatusCode",
        status_message: Text = "StatusMessage",
        event_timestamp: Array<Values<DateTime64>> = "Events.Timestamp",
        event_name: Array<LowCardinality> = "Events.Name",
        event_attributes: Array<Map> = "Events.Attributes",
        link_trace_id: Array<Text> = "Links.TraceId",
        link_span_id: Array<Text> = "Links.SpanId",
        link_trace_state: Array<Text> = "Links.TraceState",
        link_attributes: Array<Map> = "Links.Attributes",
    }
}

columns! {
    Logs {
        timestamp: Values<DateTime64> = "Timestamp",
        trace_id: Text = "TraceId",
        span_id: Text = "SpanId",
        trace_flags: Values<u8> = "TraceFlags",
        severity_text: LowCardinality = "SeverityText",
        severity_number: Values<u8> = "SeverityNumber",
        service_name: LowCardinality = "ServiceName",
        body: Text = "Body",
        resource_schema_url: LowCardinality = "ResourceSchemaUrl",
        resource_attributes: SharedMap = "ResourceAttributes",
        scope_schema_url: LowCardinality = "ScopeSchemaUrl",
        scope_name: Runs<Text> = "ScopeName",
        scope_version: LowCardinality = "ScopeVersion",
        scope_attributes: Map = "ScopeAttributes",
        log_attributes: Map = "LogAttributes",
        event_name: Runs<Text> = "EventName",
    }
}

columns! {
    /// What the points of all metrics have: who measured what, and when.
    Series {
        resource_attributes: SharedMap = "ResourceAttributes",
        resource_schema_url: Runs<Text> = "ResourceSchemaUrl",
        scope_name: Runs<Text> = "ScopeName",
        scope_version: Runs<Text> = "ScopeVersion",
        scope_attributes: SharedMap = "ScopeAttributes",
        scope_dropped_attributes: Values<u32> = "ScopeDroppedAttrCount",
        scope_schema_url: Runs<Text> = "ScopeSchemaUrl",
        service_name: LowCardinality = "ServiceName",
        metric_name: Runs<Text> = "MetricName",
        metric_description: Runs<Text> = "MetricDescription",
        metric_unit: Runs<Text> = "MetricUnit",
        attributes: Map = "Attributes",
        start_time: Values<DateTime64> = "StartTimeUnix",
        time: Values<DateTime64> = "TimeUnix",
        flags: Values<u32> = "Flags",
    }
}

columns! {
    /// Measurements that stand for the others of a point.
    Exemplars {
        exemplar_attributes: Array<Map> = "Exemplars.FilteredAttributes",
        exemplar_time: Array<Values<DateTime64>> = "Exemplars.TimeUnix",
        exemplar_value: Array<Values<f64>> = "Exemplars.Value",
        exemplar_span_id: Array<Text> = "Exemplars.SpanId",
        exemplar_trace_id: Array<Text> = "Exemplars.TraceId",
        .. series: Series
    }
}

columns! {
    Gauge {
        value: Values<f64> = "Value",
        .. point: Exemplars
    }
}

columns! {
    Sum {
        value: Values<f64> = "Value",
        aggregation_temporality: Values<i32> = "AggregationTemporality",
        is_monotonic: Values<bool> = "IsMonotonic",
        .. point: Exemplars
    }
}

columns! {
    Histogram {
        count: Values<u64> = "Count",
        sum: Values<f64> = "Sum",
        bucket_counts: Array<Values<u64>> = "BucketCounts",
        explicit_bounds: Array<Values<f64>> = "ExplicitBounds",
        min: Values<f64> = "Min",
        max: Values<f64> = "Max",
        aggregation_temporality: Values<i32> = "AggregationTemporality",
        .. point: Exemplars
    }
}

columns! {
    ExponentialHistogram {
        count: Values<u64> = "Count",
        sum: Values<f64> = "Sum",
        scale: Values<i32> = "Scale",
        zero_count: Values<u64> = "ZeroCount",
        positive_offset: Values<i32> = "PositiveOffset",
        positive_bucket_counts: Array<Values<u64>> = "PositiveBucketCounts",
        negative_offset: Values<i32> = "NegativeOffset",
        negative_bucket_counts: Array<Values<u64>> = "NegativeBucketCounts",
        min: Values<f64> = "Min",
        max: Values<f64> = "Max",
        aggregation_temporality: Values<i32> = "AggregationTemporality",
        .. point: Exemplars
    }
}
