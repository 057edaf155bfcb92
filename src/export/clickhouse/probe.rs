//! What is on the other side: tables made or checked, columns compared with those that are sent.

use super::client::{Client, literal};
use super::errors::Verdict;
use super::table::Table;
use super::target::CreateSchema;
use crate::export::text::printable;

/// A table as the server describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Described {
    columns: Vec<DescribedColumn>,
    /// Rows older than this, in seconds, are dropped at insert, without a word.
    pub(super) ttl: Option<u64>,
    pub(super) tokens: Tokens,
}

/// Whether a table remembers which inserts it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Tokens {
    /// It does, or the server does not say.
    #[default]
    Kept,
    /// It could, and was not told to.
    Forgotten,
    /// Its engine, of this name, cannot.
    Unknown(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct DescribedColumn {
    name: String,
    type_name: String,
}

impl Described {
    /// Those of the columns (by the names that are sent) which the table does not have.
    pub(super) fn missing(&self, sent: &[String]) -> Vec<String> {
        let has = |name: &str| self.columns.iter().any(|column| column.name == name);
        sent.iter().filter(|name| !has(name)).cloned().collect()
    }

    /// Those of the columns (names here and there, types as they are sent) which the table has as plain strings.
    pub(super) fn plain_strings(&self, columns: &[(&'static str, String, String)]) -> Vec<String> {
        let has_plain = |name: &str| {
            self.columns.iter().any(|column| column.name == name && !column.type_name.contains("LowCardinality("))
        };
        let sent = columns.iter().filter(|(_, sent, kind)| kind.contains("LowCardinality(") && has_plain(sent));
        sent.map(|(_, sent, _)| sent.clone()).collect()
    }

    /// How the table differs from these columns (names here and there, types as they are sent); none if it does not.
    pub(super) fn difference(&self, columns: &[(&'static str, String, String)]) -> Option<String> {
        let mut differences = Vec::new();
        for (_, sent, wanted) in columns {
            match self.columns.iter().find(|column| column.name == *sent) {
                None => differences.push(format!("no column {sent}")),
                Some(column) if plain(&column.type_name) != plain(wanted) => {
                    differences.push(format!("{sent} is {} instead of {wanted}", printable(&column.type_name, 60)));
                }
                Some(_) => {}
            }
        }
        (!differences.is_empty()).then(|| differences.join(", "))
    }

    /// Whether rows of this day are dropped by the table's TTL, all of them.
    pub(super) fn has_expired(&self, day: u16, today: i32) -> bool {
        let end = (u64::from(day) + 1) * SECONDS_PER_DAY;
        let now = u64::try_from(today).unwrap_or(0) * SECONDS_PER_DAY;
        self.ttl.is_some_and(|ttl| end.saturating_add(ttl) <= now)
    }

    fn parse(text: &str) -> Self {
        let columns = text.lines().filter_map(|line| {
            let mut fields = line.split('\t');
            let (name, type_name, kind) = (fields.next()?, fields.next()?, fields.next().unwrap_or_default());
            // Nothing can be inserted into these.
            let is_computed = matches!(kind, "ALIAS" | "MATERIALIZED");
            (!is_computed).then(|| DescribedColumn { name: unescaped(name), type_name: unescaped(type_name) })
        });
        Self { columns: columns.collect(), ..Self::default() }
    }
}

/// Makes what is missing, or looks whether it is there, as `create_schema` says.
///
/// # Errors
/// What went wrong; afterwards it is tried again.
pub(super) async fn prepare(client: &Client) -> Result<(), Verdict> {
    let (schema, create) = (client.target().schema(), client.target().create_schema());
    if matches!(create, CreateSchema::IfMissing | CreateSchema::UpdateRetention) {
        for statement in schema.statements() {
            client.statement(&statement).await?;
        }
    }
    if create == CreateSchema::UpdateRetention {
        // One that changes nothing costs the server nothing.
        for statement in schema.retention_statements() {
            match client.statement(&statement).await {
                // There is none to be removed.
                Err(Verdict::Refused { .. }) if statement.ends_with("REMOVE TTL") => {}
                done => drop(done?),
            }
        }
    }
    Ok(())
}

/// Asks for a table's columns, its TTL and whether it remembers its inserts.
///
/// # Errors
/// What went wrong; a table that is not there is [`Verdict::NoTable`].
pub(super) async fn describe(client: &Client, table: Table) -> Result<Described, Verdict> {
    let target = client.target();
    let (database, name) = (literal(target.database()), literal(target.table(table)));
    let sql = format!("{} FORMAT TabSeparated", target.schema().describe(table));
    let text = match client.statement(&sql).await {
        // It may be longer than we read on: a table of thousands of columns. Ours are asked for by name then.
        Err(Verdict::Paused { status: 200, why }) => {
            let ours: Vec<_> = target.columns(table).iter().map(|(_, sent, _)| literal(sent)).collect();
            let sql = format!(
                "SELECT name, type, default_kind FROM system.columns WHERE database = {database} AND table = {name} \
                 AND name IN ({}) FORMAT TabSeparated",
                ours.join(", ")
            );
            client.statement(&sql).await.map_err(|_| Verdict::Paused { status: 200, why })?
        }
        answered => answered?,
    };
    let mut described = Described::parse(&String::from_utf8_lossy(&text));
    if described.columns.is_empty() {
        let why = "something else than ClickHouse answers at this address".into();
        return Err(Verdict::Paused { status: 200, why });
    }
    let sql = format!(
        "SELECT engine, extract(engine_full, 'non_replicated_deduplication_window = ([0-9]+)'), \
         extract(engine_full, ' TTL (.*)') FROM system.tables WHERE database = {database} AND name = {name} \
         FORMAT TabSeparated"
    );
    // A server may hide this from us; then expired rows are sent like the others.
    let Ok(text) = client.statement(&sql).await else { return Ok(described) };
    let text = String::from_utf8_lossy(&text);
    if let [engine, window, ttl] = text.trim_end_matches('\n').split('\t').collect::<Vec<_>>()[..] {
        described.ttl = seconds(ttl);
        // Replicated ones have a window of their own.
        let is_replicated = engine.starts_with("Replicated") || engine.starts_with("Shared");
        described.tokens = match window {
            _ if !engine.ends_with("MergeTree") => Tokens::Unknown(printable(engine, 60)),
            _ if is_replicated => Tokens::Kept,
            "" if default_window(client).await.as_deref() == Some("0") => Tokens::Forgotten,
            "0" => Tokens::Forgotten,
            _ => Tokens::Kept,
        };
    }
    Ok(described)
}

/// The deduplication window of tables that do not say any; none if the server hides it.
async fn default_window(client: &Client) -> Option<String> {
    let sql = "SELECT value FROM system.merge_tree_settings WHERE name = 'non_replicated_deduplication_window' \
               FORMAT TabSeparated";
    let text = client.statement(sql).await.ok()?;
    Some(String::from_utf8_lossy(&text).trim_end().to_owned())
}

/// How long a TTL keeps rows at least, in seconds: what the longest of its units can be. None if it is not the time of a
/// row and one interval, or does something else than to drop rows.
fn seconds(ttl: &str) -> Option<u64> {
    let (time, interval) = ttl.split_once(" + toInterval")?;
    let column = time.strip_prefix("toDateTime(").and_then(|time| time.strip_suffix(')')).unwrap_or(time);
    let (unit, rest) = interval.split_once('(')?;
    let (count, rest) = rest.split_once(')')?;
    let rest = rest.strip_prefix(" DELETE").unwrap_or(rest);
    let is_all = rest.is_empty() || rest.starts_with(" SETTINGS ");
    if !is_all || !matches!(column, "Timestamp" | "TimestampTime" | "TimeUnix") {
        return None;
    }
    let count: u64 = count.parse().ok()?;
    let one = match unit {
        "Second" => 1,
        "Minute" => 60,
        "Hour" => 3_600,
        "Day" => SECONDS_PER_DAY,
        "Week" => 7 * SECONDS_PER_DAY,
        "Month" => 31 * SECONDS_PER_DAY,
        "Quarter" => 92 * SECONDS_PER_DAY,
        "Year" => 366 * SECONDS_PER_DAY,
        _ => return None,
    };
    count.checked_mul(one)
}

const SECONDS_PER_DAY: u64 = 86_400;

/// A type without what the server adds or converts by itself.
fn plain(type_name: &str) -> String {
    let mut plain = String::new();
    let mut rest = type_name;
    // `LowCardinality(T)` is `T`; there is nothing but `T` in the parentheses.
    while let Some((before, after)) = rest.split_once("LowCardinality(") {
        plain.push_str(before);
        let mut depth = 1_u32;
        let end = after.find(|c| {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let (inner, behind) = after.split_at(end.unwrap_or(after.len()));
        plain.push_str(inner);
        rest = behind.strip_prefix(')').unwrap_or(behind);
    }
    plain.push_str(rest);
    plain.replace("DateTime64(9)", "DateTime").replace("Bool", "UInt8")
}

/// A field of `TabSeparated`.
fn unescaped(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut chars = field.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('t') => text.push('\t'),
                Some('n') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_can_be_written_are_read_from_a_description() {
        let described = Described::parse(
            "Timestamp\tDateTime64(9)\t\t\t\tDelta(8), ZSTD(1)\t\nTimestampTime\tDateTime\tDEFAULT\ttoDateTime(Timestamp)\t\t\t\n\
             Upper\tString\tALIAS\tupper(Body)\t\t\t\nEvents.Name\tArray(LowCardinality(String))\t\t\t\t\t\nit\\'s\tEnum8(\\'a\\' = 1)\n",
        );
        let names: Vec<_> = described.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["Timestamp", "TimestampTime", "Events.Name", "it's"]);
        assert_eq!(described.columns[3].type_name, "Enum8('a' = 1)");
        let sent = ["Timestamp", "Upper", "EventName"].map(str::to_owned);
        assert_eq!(described.missing(&sent), ["Upper", "EventName"]);
    }

    #[test]
    fn a_table_with_other_columns_or_types_differs() {
        let columns = |list: &[(&'static str, &str)]| -> Vec<(&'static str, String, String)> {
            list.iter().map(|(name, type_name)| (*name, (*name).to_owned(), (*type_name).to_owned())).collect()
        };
        let described = Described::parse(
            "A\tMap(LowCardinality(String), String)\t\nB\tDateTime\t\nC\tArray(LowCardinality(String))\t\nD\tUInt64\t\n",
        );
        let same = [("A", "Map(String, String)"), ("B", "DateTime64(9)"), ("C", "Array(String)"), ("D", "UInt64")];
        assert_eq!(described.difference(&columns(&same)), None);
        let other = [("A", "Map(String, String)"), ("D", "Float64"), ("E", "String")];
        assert_eq!(
            described.difference(&columns(&other)).as_deref(),
            Some("D is UInt64 instead of Float64, no column E")
        );
    }

    #[test]
    fn a_day_has_expired_when_its_last_moment_has() {
        let described = Described { ttl: Some(30 * SECONDS_PER_DAY), ..Described::default() };
        // The day 100 ends with the beginning of day 101, and expires with that of day 131.
        assert!(!described.has_expired(100, 130));
        assert!(described.has_expired(100, 131));
        assert!(!Described::default().has_expired(0, i32::MAX));
        let hours = Described { ttl: Some(12 * 3_600), ..Described::default() };
        assert!(!hours.has_expired(100, 101) && hours.has_expired(100, 102));
    }

    #[test]
    fn a_ttl_is_read_in_whatever_unit_it_is() {
        for (ttl, expected) in [
            ("toDateTime(Timestamp) + toIntervalDay(30) SETTINGS index_granularity = 8192", Some(30 * SECONDS_PER_DAY)),
            ("toDateTime(Timestamp) + toIntervalHour(12)", Some(43_200)),
            ("TimestampTime + toIntervalWeek(2)", Some(14 * SECONDS_PER_DAY)),
            ("TimestampTime + toIntervalMonth(1)", Some(31 * SECONDS_PER_DAY)),
            ("TimestampTime + toIntervalDay(3) TO VOLUME \\'cold\\'", None),
            ("TimestampTime + toIntervalDay(3) DELETE WHERE SeverityNumber < 9", None),
            ("toDateTime(TimeUnix) + toIntervalDay(90) DELETE", Some(90 * SECONDS_PER_DAY)),
            ("TimestampTime + toIntervalDay(3) DELETE SETTINGS ttl_only_drop_parts = 1", Some(3 * SECONDS_PER_DAY)),
            ("TimestampTime + toIntervalDay(3) RECOMPRESS CODEC(ZSTD(9))", None),
            ("TimestampTime + toIntervalDay(3), TimestampTime + toIntervalDay(9)", None),
            ("ReceivedAt + toIntervalDay(3)", None),
            ("toDateTime(ReceivedAt) + toIntervalDay(3)", None),
            ("toDate(Timestamp) + toIntervalDay(3)", None),
            ("toDateTime(Timestamp + toIntervalDay(3)", None),
            ("Timestamp + toIntervalMonth(1) + toIntervalDay(15)", None),
            ("greatest(TimestampTime, ReceivedAt) + toIntervalDay(3)", None),
            ("toLastDayOfMonth(Timestamp) + toIntervalDay(3)", None),
            ("toLastDayOfMonth(TimestampTime + toIntervalDay(3))", None),
            ("if(SeverityNumber > 9, TimestampTime + toIntervalDay(9), TimestampTime + toIntervalDay(3))", None),
            ("Timestamp - toIntervalDay(3)", None),
            ("Timestamp + toIntervalDay(-3)", None),
            ("parseDateTime(Body)", None),
            ("", None),
        ] {
            assert_eq!(seconds(ttl), expected, "{ttl}");
        }
    }
}
