//! The tables as statements: for the exporter to run, and for an operator to read, keep and run.

mod aggregates;
mod identifier;
mod tables;

use std::fmt::Write as _;

use super::encoder::Format;
use super::table::Table;
use identifier::Quoted;

/// The tables that the exporter writes to, with their views: names, retention and cluster.
///
/// Columns, types and sorting keys are those of the OpenTelemetry collector's ClickHouse exporter, so that what reads its
/// tables reads these. What is added:
///
/// - Every table remembers the last inserts by their tokens, so that a batch which is sent again is not counted again.
///   The collector's own tables do not.
/// - `…_per_minute`, filled from the spans by a view and kept for a year: counts, errors and latency quantiles by service
///   and span name, with no attribute and no id.
/// - `…_per_day`, a view of that for publishing: what fewer than a [threshold](Schema::threshold) of senders did is left out.
/// - `traces`, a view of the spans with one flat column for each thing that people ask for first.
///
/// Names may be anything that ClickHouse can store: they are quoted wherever they appear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    pub(super) database: Box<str>,
    tables: [Box<str>; Table::ALL.len()],
    flat: Option<Box<str>>,
    cluster: Option<Box<str>>,
    retention: Retention,
    sender: Box<str>,
    threshold: u32,
    window: u32,
}

/// Days; 0 for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Retention {
    traces: u32,
    logs: u32,
    metrics: u32,
    aggregates: u32,
}

/// TTLs are dates of 32 bits, which end in 2106: a TTL that goes beyond begins again in 1970, and the rows would be dropped
/// as they come.
const LONGEST_RETENTION: u32 = 10_000;

impl Default for Schema {
    fn default() -> Self {
        Schema {
            database: "default".into(),
            tables: Table::ALL.map(|table| table.default_name().into()),
            flat: Some("traces".into()),
            cluster: None,
            retention: Retention { traces: 30, logs: 30, metrics: 90, aggregates: 365 },
            sender: "session.id".into(),
            threshold: 10,
            window: 10_000,
        }
    }
}

impl Schema {
    /// The collector's tables in the database `default`.
    pub fn new() -> Self {
        Self::default()
    }

    /// The database; `default` by default. It is created if it is not there.
    pub fn database(self, name: &str) -> Self {
        Self { database: name.into(), ..self }
    }

    /// The name of a table; the collector's by default. Views of the spans are named after their table.
    pub fn table(mut self, table: Table, name: &str) -> Self {
        self.tables[table as usize] = name.into();
        self
    }

    /// The name of the flat view of the spans, or none to have no such view; `traces` by default.
    pub fn flat_view(self, name: Option<&str>) -> Self {
        Self { flat: name.map(Into::into), ..self }
    }

    /// Days that spans are kept; 30 by default. 0 is for ever; 10,000 is the most.
    pub fn trace_days(mut self, days: u32) -> Self {
        self.retention.traces = days.min(LONGEST_RETENTION);
        self
    }

    /// Days that log records are kept; 30 by default. 0 is for ever; 10,000 is the most.
    pub fn log_days(mut self, days: u32) -> Self {
        self.retention.logs = days.min(LONGEST_RETENTION);
        self
    }

    /// Days that metrics are kept; 90 by default. 0 is for ever; 10,000 is the most.
    pub fn metric_days(mut self, days: u32) -> Self {
        self.retention.metrics = days.min(LONGEST_RETENTION);
        self
    }

    /// Days that the aggregates of spans are kept; 365 by default. 0 is for ever; 10,000 is the most.
    pub fn aggregate_days(mut self, days: u32) -> Self {
        self.retention.aggregates = days.min(LONGEST_RETENTION);
        self
    }

    /// Creates everything on all servers of a cluster, as replicated tables. None by default.
    ///
    /// The statements are checked by ClickHouse's own parser; no cluster has ever run them. Send to a server of the shard, not to a
    /// `Distributed` table: that one answers before the shards have the rows, and a retry that goes to another shard is not
    /// known there and counted again.
    ///
    /// Paths and replica names are the server's defaults (`default_replica_path`), which use its macros `{shard}` and
    /// `{replica}`.
    pub fn cluster(self, name: &str) -> Self {
        Self { cluster: Some(name.into()), ..self }
    }

    /// The resource attribute that tells one sender from another; `session.id` by default, which changes daily. The
    /// aggregates keep no value of it, only a sketch from which the number of different ones is estimated.
    pub fn sender(self, key: &str) -> Self {
        Self { sender: key.into(), ..self }
    }

    /// The least number of senders in a row of the view for publishing; 10 by default.
    pub fn threshold(self, senders: u32) -> Self {
        Self { threshold: senders, ..self }
    }

    /// How many inserts each table remembers by their tokens; 10,000 by default, 0 for none. A batch that is sent again is known,
    /// and not counted again, as long as no more inserts than this have come in between, of all senders together.
    ///
    /// So it has to be at least `inserts per second × seconds until the batch is sent again`. Inserts of a table are one for each
    /// sender and [interval](crate::Tuning) (5 seconds by default), and some more around midnight. A batch whose answer was lost is
    /// sent again within seconds; after 60 of them if the server failed five times in a row; after 65 if the process died and
    /// another one of the application is running, or else when the next one starts; and after an hour at most if the server asked
    /// for that much rest. While a server takes nothing, nothing comes in between. The default is enough for 150 inserts in
    /// a second, as of 750 senders, and the 65 seconds. With more of them, collect for longer, or remember more: the server
    /// keeps some hundred bytes of memory and disk for each.
    ///
    /// A table that is there already gets another number by `ALTER TABLE .. MODIFY SETTING
    /// non_replicated_deduplication_window = ..`, or `replicated_deduplication_window` on a [cluster](Self::cluster).
    pub fn deduplication_window(self, inserts: u32) -> Self {
        Self { window: inserts, ..self }
    }

    /// The name of a table.
    pub fn name(&self, table: Table) -> &str {
        &self.tables[table as usize]
    }

    /// All statements, in the order in which they can be run. Running them again changes nothing.
    pub fn statements(&self) -> Vec<String> {
        let database = Quoted(&self.database);
        let mut statements = vec![format!("CREATE DATABASE IF NOT EXISTS {database}{}", self.on_cluster())];
        statements.extend(Table::ALL.map(|table| tables::create(self, table)));
        statements.extend(tables::trace_times(self));
        statements.extend(aggregates::statements(self));
        statements.extend(self.flat.as_deref().map(|name| tables::flat_view(self, name)));
        statements
    }

    /// All statements as a script.
    pub fn to_sql(&self) -> String {
        self.statements().into_iter().fold(String::new(), |script, statement| script + &statement + ";\n\n")
    }

    /// Statements that give tables which exist already the retention of this schema.
    pub fn retention_statements(&self) -> Vec<String> {
        let mut statements: Vec<_> =
            Table::ALL.map(|table| self.alter_ttl(self.name(table), tables::ttl(self, table))).into();
        statements.push(self.alter_ttl(&tables::trace_times_name(self), tables::trace_times_ttl(self)));
        statements.push(self.alter_ttl(&aggregates::table_name(self), aggregates::ttl(self)));
        statements
    }

    /// The statement that the body of a batch follows.
    pub fn insert(&self, table: Table, format: Format) -> String {
        format!("INSERT INTO {} FORMAT {}", self.path(self.name(table)), format.name())
    }

    /// The statement that tells a table's columns, by name and type.
    pub fn describe(&self, table: Table) -> String {
        format!("DESCRIBE TABLE {}", self.path(self.name(table)))
    }

    pub(super) fn window(&self) -> u32 {
        self.window
    }

    fn path(&self, name: &str) -> String {
        format!("{}.{}", Quoted(&self.database), Quoted(name))
    }

    fn on_cluster(&self) -> String {
        self.cluster.as_deref().map_or_else(String::new, |name| format!(" ON CLUSTER {}", Quoted(name)))
    }

    /// `CREATE` up to the columns.
    fn create(&self, what: &str, name: &str) -> String {
        format!("CREATE {what} IF NOT EXISTS {}{}", self.path(name), self.on_cluster())
    }

    /// What follows the columns of a table.
    fn storage(&self, engine: &str, keys: &str, ttl: Option<String>) -> String {
        let mut text = String::new();
        let replicated = if self.cluster.is_some() { "Replicated" } else { "" };
        let _ = write!(text, "ENGINE = {replicated}{engine}\n{keys}\n");
        if let Some(ttl) = ttl {
            let _ = writeln!(text, "TTL {ttl}");
        }
        // What one insert brings stays in one file for all columns instead of three for each, until merges have made more of
        // it. Making the files costs the server more than filling them.
        text.push_str(
            "SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, min_bytes_for_wide_part = 134217728, ",
        );
        let window = self.window;
        let _ = match self.cluster {
            // Both are plain MergeTree settings that the other kind of table ignores; the default is none.
            None => write!(text, "non_replicated_deduplication_window = {window}"),
            // The default is an hour, which is less than an outage may last.
            Some(_) => write!(
                text,
                "replicated_deduplication_window = {window}, replicated_deduplication_window_seconds = 604800"
            ),
        };
        text
    }

    fn alter_ttl(&self, name: &str, ttl: Option<String>) -> String {
        let change = ttl.map_or_else(|| "REMOVE TTL".to_owned(), |ttl| format!("MODIFY TTL {ttl}"));
        format!("ALTER TABLE {}{} {change}", self.path(name), self.on_cluster())
    }
}

/// A TTL of so many days from a `DateTime`.
fn days_from(time: &str, days: u32) -> Option<String> {
    (days > 0).then(|| format!("{time} + toIntervalDay({days})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_wherever_they_appear() {
        let evil = "a`; DROP TABLE x; -- \\";
        let quoted = r"`a\`; DROP TABLE x; -- \\`";
        let mut schema = Schema::new().database(evil).cluster(evil).flat_view(Some(evil));
        for table in Table::ALL {
            schema = schema.table(table, evil);
        }
        let mut statements = schema.statements();
        statements.extend(schema.retention_statements());
        statements.extend([schema.insert(Table::Logs, Format::Native), schema.describe(Table::Traces)]);
        for statement in statements {
            // Names that are made from ours end differently.
            let rest = statement.replace(quoted, "").replace(&quoted[..quoted.len() - 1], "`");
            assert!(!rest.contains("DROP"), "{statement}");
        }
    }

    #[test]
    fn an_attribute_key_is_quoted_as_a_string() {
        let sql = Schema::new().sender(r"x'], '\").to_sql();
        assert!(sql.contains(r"ResourceAttributes['x\'], \'\\']"), "{sql}");
    }

    #[test]
    fn each_table_remembers_as_many_inserts_as_it_is_told_to() {
        for (schema, setting) in [
            (Schema::new(), "non_replicated_deduplication_window = 70000"),
            (Schema::new().cluster("all"), " replicated_deduplication_window = 70000,"),
        ] {
            let sql = schema.clone().deduplication_window(70_000).to_sql();
            assert_eq!(sql.matches(setting).count(), schema.to_sql().matches("index_granularity").count(), "{sql}");
            assert_eq!(schema.to_sql().replace("= 10000", "= 70000"), sql);
        }
    }

    #[test]
    fn without_retention_nothing_is_dropped() {
        let schema = Schema::new().trace_days(0).log_days(0).metric_days(0).aggregate_days(0);
        assert!(!schema.to_sql().contains("\nTTL"));
        assert!(schema.retention_statements().iter().all(|statement| statement.ends_with("REMOVE TTL")));
        assert_eq!(Schema::new().to_sql().matches("\nTTL").count(), Table::ALL.len() + 2);
        assert!(Schema::new().log_days(u32::MAX).to_sql().contains("toIntervalDay(10000)"));
    }
}
