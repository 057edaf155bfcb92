//! From the SDK's data to the bodies of inserts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLogRecord;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::trace::SpanData;

use super::blocks::{Block, Blocks, Points};
use super::columns::Column;
use super::compression::{Body, Compression, Spare};
use super::length::push_length;
use super::rows::{self, Origin, Period};
use super::table::Table;
use super::tables::{Columns, ExponentialHistogram, Gauge, Histogram, Logs, Sum, Traces};
use super::value::push_quoted;

/// Encodes spans, log records and metrics, one body for each table and day.
///
/// It keeps nothing of what it has encoded, but the memory that this took. Clones share it.
#[derive(Debug, Clone)]
pub struct Encoder {
    format: Format,
    compression: Compression,
    layouts: BTreeMap<Table, Layout>,
    spare: Arc<Mutex<Spare>>,
}

/// The rows of one insert.
///
/// They go into one table and are of one day in UTC, so that the server never finds too many partitions in one insert. On a
/// server in UTC that day is one of the table's partitions, and it takes all rows or none. On one in another time zone it is two:
/// one that dies in between has taken a part of the rows. They are there once all the same after a retry with the same token, which
/// counts for each partition by itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Batch {
    /// Where the rows belong.
    pub table: Table,
    /// The day of the rows, in UTC, counted from 1970-01-01.
    pub day: u16,
    /// Rows in it, at least one.
    pub rows: u64,
    /// Rows whose time is before 1970, or from the year 2100 on. They are encoded with the nearest time in between: no
    /// partition, sorting key or TTL of the tables is defined beyond, and the server drops such rows without saying so.
    pub clamped: u64,
    /// What the body is written in.
    pub format: Format,
    /// How the body is compressed.
    pub compression: Compression,
    /// Bytes of the body before it was compressed.
    pub uncompressed: usize,
    /// The body in its final form.
    pub body: Vec<u8>,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Format {
    /// Column by column: the format that ClickHouse itself uses, and the one that costs it least.
    #[default]
    Native,
    /// One JSON object a line, for people to read.
    JsonEachRow,
}

/// Which columns of a table are written, and under which names: all of them under the collector's names unless said
/// otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    changed: BTreeMap<&'static str, Option<Box<str>>>,
}

impl Default for Encoder {
    fn default() -> Self {
        Encoder {
            format: Format::Native,
            compression: Compression::None,
            layouts: BTreeMap::new(),
            spare: Arc::default(),
        }
    }
}

impl Encoder {
    /// Writes bodies in another format; [`Format::Native`] by default.
    pub fn format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// Compresses bodies while they are written; [`Compression::None`] by default.
    pub fn compression(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    /// Writes other columns of a table, or under other names.
    pub fn set_layout(&mut self, table: Table, layout: Layout) {
        self.layouts.insert(table, layout);
    }

    /// Encodes spans for [`Table::Traces`].
    pub fn spans(&self, spans: &[SpanData], resource: &Resource) -> Vec<Batch> {
        let origin = Origin::new(resource);
        let mut blocks = Blocks::<Traces>::default();
        for span in rows::spans_in_order(spans) {
            rows::span(span, &origin, &mut blocks);
        }
        self.finish(blocks)
    }

    /// Encodes log records for [`Table::Logs`].
    pub fn logs<'a>(
        &self,
        records: impl IntoIterator<Item = (&'a SdkLogRecord, &'a InstrumentationScope)>,
        resource: &Resource,
    ) -> Vec<Batch> {
        let origin = Origin::new(resource);
        let mut blocks = Blocks::<Logs>::default();
        for (record, scope) in rows::logs_in_order(records) {
            rows::log(record, scope, &origin, &mut blocks);
        }
        self.finish(blocks)
    }

    /// Encodes the points of metrics for the tables of their kinds.
    pub fn metrics(&self, metrics: &ResourceMetrics) -> Vec<Batch> {
        self.points(metrics, None)
    }

    /// The same for metrics whose own times are those of the counting: what was counted is of this period.
    #[cfg(feature = "metrics")]
    pub(super) fn metrics_of(&self, period: Period, metrics: &ResourceMetrics) -> Vec<Batch> {
        self.points(metrics, Some(period))
    }

    fn points(&self, metrics: &ResourceMetrics, period: Option<Period>) -> Vec<Batch> {
        let mut blocks = Points::default();
        rows::metrics(metrics, period, &mut blocks);
        let Points { gauge, sum, histogram, exponential_histogram } = blocks;
        let mut batches = self.finish(gauge);
        batches.extend(self.finish(sum));
        batches.extend(self.finish(histogram));
        batches.extend(self.finish(exponential_histogram));
        batches
    }

    /// Inserts in the order of their days.
    fn finish<C: Columns>(&self, blocks: Blocks<C>) -> Vec<Batch> {
        let all = Layout::default();
        let layout = self.layouts.get(&C::TABLE).unwrap_or(&all);
        // Who comes while it is in use makes do without.
        let mut spare = self.spare.try_lock().map(|mut spare| std::mem::take(&mut *spare)).unwrap_or_default();
        let batch = |block: Block<C>| {
            let (uncompressed, body) = match self.format {
                Format::Native => native(&block, layout, self.compression, &mut spare),
                Format::JsonEachRow => json_each_row(&block, layout, self.compression),
            };
            Batch {
                table: C::TABLE,
                day: block.day,
                rows: block.rows,
                clamped: block.clamped,
                format: self.format,
                compression: self.compression,
                uncompressed,
                body,
            }
        };
        let batches = blocks.in_order().into_iter().map(batch).collect();
        if let Ok(mut kept) = self.spare.try_lock() {
            *kept = spare;
        }
        batches
    }
}

impl Format {
    /// The name that follows `FORMAT` in a statement.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Native => "Native",
            Format::JsonEachRow => "JSONEachRow",
        }
    }

    /// Settings of the server without which it does not read the body as it was meant: times say that they are in UTC, and
    /// numbers are exact to the last digit. They are the defaults of recent servers.
    pub const fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Format::Native => &[],
            Format::JsonEachRow => &[("date_time_input_format", "best_effort"), ("precise_float_parsing", "1")],
        }
    }
}

impl Layout {
    /// Leaves a column out.
    pub fn without(mut self, column: &'static str) -> Self {
        self.changed.insert(column, None);
        self
    }

    /// Writes a column under another name.
    pub fn rename(mut self, column: &'static str, to: &str) -> Self {
        self.changed.insert(column, Some(to.into()));
        self
    }

    /// The name that a column is written under; none if it is left out.
    pub(super) fn name<'a>(&'a self, column: &'a str) -> Option<&'a str> {
        match self.changed.get(column) {
            None => Some(column),
            Some(changed) => changed.as_deref(),
        }
    }

    /// All columns of a table that an encoder fills, with their types as they are sent; none for [`Table::Summary`].
    pub fn columns(table: Table) -> Vec<(&'static str, Cow<'static, str>)> {
        fn of<C: Columns>() -> Vec<(&'static str, Cow<'static, str>)> {
            let mut columns = Vec::new();
            C::default().each(&mut |name, column| columns.push((name, column.type_name())));
            columns
        }
        match table {
            Table::Traces => of::<Traces>(),
            Table::Logs => of::<Logs>(),
            Table::Gauge => of::<Gauge>(),
            Table::Sum => of::<Sum>(),
            Table::Histogram => of::<Histogram>(),
            Table::ExponentialHistogram => of::<ExponentialHistogram>(),
            Table::Summary => Vec::new(),
        }
    }
}

/// Bodies hold what the application logged.
impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("table", &self.table)
            .field("day", &self.day)
            .field("rows", &self.rows)
            .field("clamped", &self.clamped)
            .field("format", &self.format)
            .field("compression", &self.compression)
            .field("uncompressed", &self.uncompressed)
            .field("bytes", &self.body.len())
            .finish()
    }
}

/// A block: how many columns and rows, then each column with its name, its type and its data.
fn native<C: Columns>(
    block: &Block<C>,
    layout: &Layout,
    compression: Compression,
    spare: &mut Spare,
) -> (usize, Vec<u8>) {
    let (mut columns, mut size) = (0, 0);
    let head = |column_name: &str, column: &dyn Column| {
        let mut head = Vec::new();
        for text in [column_name, &*column.type_name()] {
            push_length(&mut head, text.len());
            head.extend_from_slice(text.as_bytes());
        }
        head
    };
    block.columns.each(&mut |name, column| {
        if let Some(name) = layout.name(name) {
            columns += 1;
            size += head(name, column).len() + column.version().len() + column.size();
        }
    });
    let mut start = Vec::new();
    push_length(&mut start, columns);
    push_length(&mut start, block.rows as usize);
    size += start.len();
    let mut body = Body::in_spare(compression, size, spare);
    body.extend(&start);
    block.columns.each(&mut |name, column| {
        if let Some(name) = layout.name(name) {
            body.extend(&head(name, column));
            body.extend(column.version());
            column.write(&mut body);
        }
    });
    (size, body.finish_into(spare))
}

fn json_each_row<C: Columns>(block: &Block<C>, layout: &Layout, compression: Compression) -> (usize, Vec<u8>) {
    let mut columns = Vec::new();
    block.columns.each(&mut |name, column| {
        if let Some(name) = layout.name(name) {
            let mut key = Vec::new();
            push_quoted(&mut key, name);
            key.push(b':');
            columns.push((key, column.json()));
        }
    });
    let mut body = Vec::new();
    for _ in 0..block.rows {
        let mut separator = b'{';
        for (key, column) in &mut columns {
            body.push(std::mem::replace(&mut separator, b','));
            body.extend_from_slice(key);
            column.next(&mut body);
        }
        body.extend_from_slice(if separator == b'{' { b"{}\n" } else { b"}\n" });
    }
    (body.len(), compression.compress(body))
}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use super::*;

    #[test]
    fn what_records_measured_is_the_same_rows_each_time() {
        use opentelemetry::KeyValue;
        use opentelemetry::metrics::MeterProvider as _;
        use opentelemetry_sdk::error::OTelSdkResult;
        use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
        use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};

        #[derive(Clone, Default)]
        struct Encoded(Arc<Mutex<Vec<Batch>>>);

        impl PushMetricExporter for Encoded {
            async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
                let period = Period { start: 1, end: 2 };
                self.0.lock().unwrap().extend(Encoder::default().metrics_of(period, metrics));
                Ok(())
            }

            fn force_flush(&self) -> OTelSdkResult {
                Ok(())
            }

            fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
                Ok(())
            }

            fn temporality(&self) -> Temporality {
                Temporality::Delta
            }
        }

        let encoded = || {
            let batches = Encoded::default();
            let provider = SdkMeterProvider::builder().with_periodic_exporter(batches.clone()).build();
            let meter = provider.meter("shop");
            let (counter, histogram, gauge) = (
                meter.u64_counter("sold").build(),
                meter.f64_histogram("price").build(),
                meter.i64_gauge("left").build(),
            );
            for shop in 0..40 {
                let shop = [KeyValue::new("shop", shop)];
                counter.add(1, &shop);
                histogram.record(0.5, &shop);
                gauge.record(3, &shop);
            }
            provider.force_flush().unwrap();
            std::mem::take(&mut *batches.0.lock().unwrap())
        };
        let first = encoded();
        assert_eq!(first.iter().map(|batch| batch.rows).collect::<Vec<_>>(), [40; 3]);
        assert!(encoded() == first);
    }
}
