//! What an application says about its ClickHouse.

use std::fmt;
use std::time::Duration;

use opentelemetry_sdk::metrics::Temporality;

use super::client::Client;
use super::compression::Compression;
use super::encoder::{Encoder, Format, Layout};
use super::exporter::ClickHouseExporter;
use super::schema::Schema;
use super::table::Table;
use super::target::{CreateSchema, Target, Token};
use crate::app::Clock;
use crate::export::MinTls;
use crate::export::endpoint::Endpoint;
use crate::export::http::HttpSettings;

/// Settings of a [`ClickHouseExporter`]. Each has a default.
///
/// ```no_run
/// use tracing_privacy::clickhouse::ClickHouseExporter;
///
/// # fn main() -> Result<(), tracing_privacy::clickhouse::SettingError> {
/// let exporter = ClickHouseExporter::builder("https://clickhouse.example.com:8443")
///     .user("otel", "secret")
///     .database("telemetry")
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing happens until `.build()`"]
pub struct ClickHouseBuilder {
    pub(crate) url: String,
    pub(crate) http: HttpSettings,
    pub(crate) plaintext_hosts: Vec<String>,
    target: Target,
    compression: Compression,
    format: Format,
    backlog: usize,
    temporality: Temporality,
    #[cfg(feature = "metrics")]
    event_metrics: EventMetrics,
    clock: Option<Clock>,
    mistake: Option<SettingError>,
}

/// Whether what stored events measured is written as metrics, too.
#[cfg(feature = "metrics")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EventMetrics {
    No,
    Yes,
}

/// A setting that cannot work. Its text names the setting and the remedy, and never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError(String);

/// Bytes of inserts that wait for a server, by default.
const BACKLOG: usize = 8 * 1024 * 1024;

impl ClickHouseBuilder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            http: HttpSettings::default(),
            plaintext_hosts: Vec::new(),
            target: Target::default(),
            compression: Compression::default(),
            format: Format::default(),
            backlog: BACKLOG,
            temporality: Temporality::Cumulative,
            #[cfg(feature = "metrics")]
            event_metrics: EventMetrics::No,
            clock: None,
            mistake: None,
        }
    }

    /// The database of the tables. Default: `default`.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        if !is_name(&name) {
            return self.complain(
                "the name of .database(name) is empty or holds a control character: write it as SHOW DATABASES does",
            );
        }
        self.target.schema = self.target.schema.database(&name);
        self
    }

    /// Names, retention and cluster of the tables, in one. Default: [`Schema::new`]. Replaces what [`database`](Self::database)
    /// and [`table`](Self::table) said before.
    pub fn schema(mut self, schema: Schema) -> Self {
        let names = Table::ALL.iter().map(|table| schema.name(*table));
        if !names.chain([&*schema.database]).all(is_name) {
            return self.complain("a name in .schema(schema) is empty or holds a control character");
        }
        self.target.schema = schema;
        self
    }

    /// Another name for a table. Default: the name that the OpenTelemetry collector's exporter gives it.
    pub fn table(mut self, table: Table, name: impl Into<String>) -> Self {
        let name = name.into();
        if !is_name(&name) {
            return self.complain(
                "the name of .table(table, name) is empty or holds a control character: write it as SHOW TABLES does",
            );
        }
        self.target.schema = self.target.schema.table(table, &name);
        self
    }

    /// Writes a column under another name, into a table that you own. Default: the collector's names.
    pub fn rename_column(self, table: Table, column: &str, to: &str) -> Self {
        if !is_name(to) {
            return self
                .complain("the name of .rename_column(table, column, to) is empty or holds a control character");
        }
        self.change_column(table, column, |layout, column| layout.rename(column, to))
    }

    /// Does not write a column. Default: all columns that the table has are written.
    pub fn leave_out_column(self, table: Table, column: &str) -> Self {
        self.change_column(table, column, Layout::without)
    }

    /// Who makes the tables. Default: [`CreateSchema::IfMissing`].
    pub fn create_schema(mut self, create_schema: CreateSchema) -> Self {
        self.target.create_schema = create_schema;
        self
    }

    /// User and password, sent as `X-ClickHouse-User` and `X-ClickHouse-Key`. Default: none, which servers take as the user
    /// `default` without a password. Replaces [`bearer`](Self::bearer) and [`basic`](Self::basic).
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.http.clickhouse_user(name, password);
        self
    }

    /// A token, sent as `Authorization: Bearer …`. Default: none. Replaces [`user`](Self::user) and [`basic`](Self::basic).
    pub fn bearer(mut self, token: &str) -> Self {
        self.http.bearer(token);
        self
    }

    /// User and password, sent as `Authorization: Basic …`, for a proxy that asks for it. Default: none. Replaces
    /// [`user`](Self::user) and [`bearer`](Self::bearer).
    pub fn basic(mut self, user: &str, password: &str) -> Self {
        self.http.basic(user, password);
        self
    }

    /// Sends a header with every request. What [`user`](Self::user), [`bearer`](Self::bearer) or [`basic`](Self::basic) sends is a
    /// mistake beside that setting. Default: none.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.http.header(name, value);
        self
    }

    /// Trusts the authorities of this PEM text, and no others. Default: those that the machine trusts.
    pub fn ca_certificate(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.http.ca_certificate(pem.as_ref());
        self
    }

    /// Shows a certificate to servers that ask for one: the chain and its unencrypted key, both PEM. Default: none.
    pub fn client_certificate(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.http.client_certificate(chain.as_ref(), key.as_ref());
        self
    }

    /// The oldest TLS version that is spoken. Default: 1.3.
    pub fn min_tls(mut self, version: MinTls) -> Self {
        self.http.min_tls = version;
        self
    }

    /// Allows plain http to this host. Default: plain http only to this machine.
    ///
    /// Such requests go to the host itself, past the system's proxy (`http_proxy`), which would read them, credentials
    /// included: through a proxy only if it is on this machine, or is named here too. Over `https` any proxy is a tunnel, and is used.
    pub fn allow_plaintext_to(mut self, host: impl Into<String>) -> Self {
        self.plaintext_hosts.push(host.into());
        self
    }

    /// The longest that one request may take, from its start to the end of the answer. Default: 5 seconds.
    pub fn timeout(mut self, total: Duration) -> Self {
        self.http.total_timeout = total;
        self
    }

    /// How bodies are compressed. Default: LZ4.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// What bodies are written in. Default: [`Format::Native`].
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Bytes of inserts that wait in memory while the server takes nothing, with the one that is being sent; beyond it the oldest
    /// are dropped and counted, as others come in. One is kept, however large. Default: 8 MiB.
    pub fn backlog(mut self, bytes: usize) -> Self {
        self.backlog = bytes;
        self
    }

    /// How the SDK's meters sum up for this exporter: totals since the start, or what was added since the last export, which a
    /// plain `sum(Value)` adds up, also over restarts. Default: [`Temporality::Cumulative`], as the specification has it.
    ///
    /// An insert that is repeated is counted once either way.
    pub fn temporality(mut self, temporality: Temporality) -> Self {
        self.temporality = temporality;
        self
    }

    /// Also writes what events measured into the tables of metrics, for [`Builder::clickhouse`](crate::Builder::clickhouse)
    /// (feature `metrics`). Default: events are written as the log records that they are, and as nothing else.
    ///
    /// Measurements are the numbers in the fields `monotonic_counter.NAME`, `counter.NAME`, `histogram.NAME` and `gauge.NAME` of
    /// an event, as for [`Builder::metric_exporter`](crate::Builder::metric_exporter), and only what its record says after the
    /// filter. Those that are sent together, of one resource and one day, are summed up: each row has delta temporality, and the
    /// times of the first and the last of their events. `sum(Value)` over any time is then what was measured in it, since a batch that
    /// is sent again, also by a later run, has its token again. What the tables of metrics do not take holds up the records as
    /// what the tables of records do not take; what they refuse for good is told in the status.
    ///
    /// An exporter that [`build`](Self::build) makes has no events: it writes what the SDK's meters measure.
    #[cfg(feature = "metrics")]
    pub fn event_metrics(mut self) -> Self {
        self.event_metrics = EventMetrics::Yes;
        self
    }

    /// Sends a setting of ClickHouse's with every insert. Default: `async_insert=0`, `input_format_skip_unknown_fields=0`,
    /// `insert_deduplicate=1` and `deduplicate_blocks_in_dependent_materialized_views=1`, without which some versions drop rows or
    /// columns and say nothing, or do not finish in a view what a crash has interrupted. The last one is not sent with
    /// `async_insert=1`, which some versions do not take together.
    ///
    /// A server that does not know a setting (code 115), a user who may not change it (164), or a value that the server cannot use:
    /// it takes nothing then, and the status says so. Rows are refused for good only while it takes an insert without rows
    /// under the same settings. `materialize_skip_indexes_on_insert=0` spares a busy server a fifth of an insert (since 2024): merges build the
    /// indexes then, and until they have, those who look for a value in the newest rows read all of them.
    pub fn insert_setting(mut self, name: &str, value: &str) -> Self {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return self.complain(
                "the name of .insert_setting(name, value) is none of a setting: use letters, digits and underscores",
            );
        }
        if is_ours(name) {
            return self.complain(
                "the name of .insert_setting(name, value) is one that the exporter sets itself: user, password, \
                 database, query and token have settings of their own",
            );
        }
        self.target.insert_settings.retain(|(earlier, _)| earlier != name);
        self.target.insert_settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends no settings with inserts, not even the token, for servers that know none of them (before version 22.6) or allow
    /// none (`readonly=1`). A retry can then count rows twice, and servers before 26.5 do not read the times of
    /// [`Format::JsonEachRow`] unless their own settings say so. Default: they are sent.
    pub fn no_insert_settings(mut self) -> Self {
        self.target.insert_settings.clear();
        self.target.token = Token::Withheld;
        self
    }

    /// Another clock, for tests.
    #[doc(hidden)]
    pub fn clock(mut self, clock: &Clock) -> Self {
        self.clock = Some(clock.clone());
        self
    }

    /// Makes the exporter. Nothing is opened before the first export.
    ///
    /// # Errors
    /// The first mistake in these settings.
    pub fn build(self) -> Result<ClickHouseExporter, SettingError> {
        let endpoint = self.endpoint("ClickHouseExporter::builder")?;
        let clock = self.clock.clone().unwrap_or_else(Clock::system);
        let encoder = self.encoder();
        let Self { http, target, backlog, temporality, .. } = self;
        Ok(ClickHouseExporter::new(Client::new(endpoint, http, target), encoder, backlog, temporality, clock))
    }

    /// The address, if all settings can be used.
    pub(crate) fn endpoint(&self, setting: &str) -> Result<Endpoint, SettingError> {
        self.mistake.clone().map_or(Ok(()), Err)?;
        self.http.checked().map_err(|error| SettingError(error.to_string()))?;
        Endpoint::parse(setting, &self.url, &self.plaintext_hosts).map_err(|error| SettingError(error.to_string()))
    }

    /// Whether what events measured is written, too.
    #[cfg(feature = "metrics")]
    pub(crate) fn has_event_metrics(&self) -> bool {
        self.event_metrics == EventMetrics::Yes
    }

    /// What an uploader needs beside the address.
    pub(super) fn parts(&self) -> (Target, Encoder) {
        (self.target.clone(), self.encoder())
    }

    fn encoder(&self) -> Encoder {
        let mut encoder = Encoder::default().format(self.format).compression(self.compression);
        for (table, layout) in &self.target.layouts {
            encoder.set_layout(*table, layout.clone());
        }
        encoder
    }

    fn change_column(
        mut self,
        table: Table,
        column: &str,
        change: impl FnOnce(Layout, &'static str) -> Layout,
    ) -> Self {
        let known = Layout::columns(table).into_iter().find(|(name, _)| *name == column);
        let Some((column, _)) = known else {
            return self.complain(
                "the column of .rename_column(..) or .leave_out_column(..) is none that is written: see \
                 the column lists of the OpenTelemetry collector's ClickHouse exporter",
            );
        };
        let layout = self.target.layouts.remove(&table).unwrap_or_default();
        self.target.layouts.insert(table, change(layout, column));
        self
    }

    fn complain(mut self, mistake: &str) -> Self {
        self.mistake.get_or_insert_with(|| SettingError(mistake.to_owned()));
        self
    }
}

impl From<&str> for ClickHouseBuilder {
    fn from(url: &str) -> Self {
        Self::new(url.to_owned())
    }
}

impl From<String> for ClickHouseBuilder {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

/// Without the address: it is raw, and may hold what nobody should see.
impl fmt::Debug for ClickHouseBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClickHouseBuilder")
            .field("http", &self.http)
            .field("target", &self.target)
            .field("compression", &self.compression)
            .field("backlog", &self.backlog)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingError {}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && !name.chars().any(char::is_control)
}

/// Parameters of the HTTP interface that say who asks and for what.
fn is_ours(name: &str) -> bool {
    matches!(
        name,
        "user"
            | "password"
            | "database"
            | "query"
            | "query_id"
            | "session_id"
            | "role"
            | "quota_key"
            | "compress"
            | "decompress"
            | "wait_end_of_query"
            | "insert_deduplication_token"
            | "insert_deduplicate"
    )
}

#[cfg(test)]
mod tests;
