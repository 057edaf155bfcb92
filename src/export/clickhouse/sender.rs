//! One try of an insert: the table made ready first, and what the answer means for the rows.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::client::Client;
use super::encoder::Layout;
use super::errors::{Verdict, Why};
use super::insert::Insert;
use super::probe::{self, Described, Tokens};
use super::table::Table;
use super::target::CreateSchema;
use crate::app::Clock;
use crate::export::http::HttpFailure;
use crate::export::outcome::Outcome;

/// A client, and what it has learned of the server.
pub(crate) struct Sender {
    client: Client,
    preparation: Preparation,
    described: BTreeMap<Table, Known>,
    /// Tables described so far, each time that they were.
    descriptions: u64,
    /// What is to be told, in the order in which it happened.
    notes: Vec<String>,
    /// Layouts that follow from what was learned, until somebody takes them over.
    layouts: Vec<(Table, Layout)>,
    /// Tries that failed and were followed by another one at once.
    failed: u64,
}

/// What became of a try.
pub(super) enum Attempt {
    /// As for any destination.
    Outcome(Outcome),
    /// The table is not there, or not as it must be. Other tables may be.
    NoTable(Why),
    /// The table would drop all of the rows for their age: they were not sent.
    Expired,
    /// It was too much at once.
    TooLarge(Why),
}

/// What is known of a table.
struct Known {
    described: Described,
    /// Which description it is, beginning with 1.
    number: u64,
    /// When that was, in monotonic nanoseconds.
    at: u64,
}

/// How long a description of a table is believed, in nanoseconds.
const FRESH: u64 = 3_600_000_000_000;

/// Whether the tables were made, if it is us who make them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Preparation {
    Due,
    Done,
}

/// Whether a table can take an insert.
enum Ready {
    Yes,
    /// It would drop all of it, as it was described just now.
    Expired,
    /// It would have dropped all of it when it was described.
    ExpiredOnce,
}

impl Sender {
    pub(crate) fn new(client: Client) -> Self {
        let (described, notes, layouts) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { client, preparation: Preparation::Due, described, descriptions: 0, notes, layouts, failed: 0 }
    }

    /// As [`Client::prepare`].
    pub(super) fn prepare(&self) -> Result<(), HttpFailure> {
        self.client.prepare()
    }

    /// Adds something that somebody should know.
    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// What happened since the last call that somebody should know.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Tries that failed since the last call, beside those whose result was returned.
    pub(super) fn take_failed(&mut self) -> u64 {
        std::mem::take(&mut self.failed)
    }

    /// Which columns the tables can take, as far as it was learned since the last call.
    pub(super) fn take_layouts(&mut self) -> Vec<(Table, Layout)> {
        std::mem::take(&mut self.layouts)
    }

    /// Sends an insert once; twice if the table turns out to have other columns.
    pub(super) async fn attempt(&mut self, insert: &mut Insert, clock: &Clock) -> Attempt {
        loop {
            insert.fate = None;
            match self.ready(insert, clock).await {
                Ok(Ready::Yes) => {}
                Ok(Ready::Expired) => {
                    self.notes.push(format!(
                        "rows are older than the table {} keeps any (its TTL): they were not sent",
                        self.client.target().table(insert.table)
                    ));
                    return Attempt::Expired;
                }
                // Somebody may have told the table since then to keep its rows for longer.
                Ok(Ready::ExpiredOnce) => {
                    self.described.remove(&insert.table);
                    continue;
                }
                Err(verdict) => return self.hindered(insert.table, verdict),
            }
            // Whoever stops waiting for the answer leaves it open.
            let was_absent = std::mem::replace(&mut insert.is_certainly_absent, false);
            let verdict = self.client.insert(insert).await;
            insert.is_certainly_absent = was_absent && verdict.leaves_nothing();
            return Attempt::Outcome(match verdict {
                Verdict::Delivered { summary } => {
                    // After a failure it may have had the rows already.
                    let written = summary.as_deref().and_then(written).filter(|written| *written < insert.rows);
                    if let Some(written) = written.filter(|_| was_absent) {
                        self.notes.push(format!(
                            "the server took {} rows for the table {} and says that it wrote {written}",
                            insert.rows,
                            self.client.target().table(insert.table)
                        ));
                    }
                    Outcome::Delivered { rejected: 0, message: summary }
                }
                Verdict::Columns { why } => {
                    self.described.remove(&insert.table);
                    if !insert.is_redescribed {
                        insert.is_redescribed = true;
                        self.notes.push(why.into_owned());
                        self.failed += 1;
                        continue;
                    }
                    Outcome::Rejected { status: 400, why }
                }
                Verdict::TooLarge { why } => return Attempt::TooLarge(why),
                Verdict::Retry { after, fate, why } => {
                    insert.fate = Some(fate);
                    Outcome::Retry { after, why }
                }
                Verdict::Overloaded { after, why } => Outcome::Overloaded { after, why },
                Verdict::Refused { status, why } => match self.client.insert_nothing(insert.table, insert.format).await
                {
                    Verdict::Delivered { .. } => Outcome::Rejected { status, why },
                    control => return self.hindered(insert.table, of_no_rows(control)),
                },
                other @ (Verdict::NoTable { .. } | Verdict::Paused { .. }) => {
                    return self.hindered(insert.table, other);
                }
            });
        }
    }

    /// What follows when a table is not ready for any insert. It says nothing about the rows that wait for it.
    fn hindered(&mut self, table: Table, verdict: Verdict) -> Attempt {
        Attempt::Outcome(match verdict.of_a_statement() {
            Verdict::NoTable { why } => {
                self.described.remove(&table);
                self.preparation = Preparation::Due;
                return Attempt::NoTable(why);
            }
            Verdict::Retry { after, why, fate: _ } => Outcome::Retry { after, why },
            Verdict::Overloaded { after, why } => Outcome::Overloaded { after, why },
            Verdict::Paused { status, why } | Verdict::Refused { status, why } => self.paused(status, why),
            Verdict::Columns { why } | Verdict::TooLarge { why } => self.paused(400, why),
            Verdict::Delivered { .. } => {
                self.paused(200, "something else than ClickHouse answers at this address".into())
            }
        })
    }

    fn paused(&mut self, status: u16, why: Why) -> Outcome {
        self.preparation = Preparation::Due;
        self.described.clear();
        Outcome::Paused { status, why }
    }

    /// Makes sure that the table can take the insert as it is.
    async fn ready(&mut self, insert: &mut Insert, clock: &Clock) -> Result<Ready, Verdict> {
        let (today, now) = (clock.wall().date().days(), clock.now().0);
        // Somebody may have added a column since then, or changed the TTL.
        self.described.retain(|_, known| now.saturating_sub(known.at) < FRESH);
        if self.preparation == Preparation::Due {
            probe::prepare(&self.client).await.map_err(of_preparation)?;
            self.preparation = Preparation::Done;
        }
        let (table, target) = (insert.table, self.client.target());
        let columns = target.columns(table);
        let sent: Vec<_> = columns.iter().map(|(_, sent, _)| sent.clone()).collect();
        let (known, expired) = match self.described.entry(table) {
            Entry::Occupied(known) => (known.into_mut(), Ready::ExpiredOnce),
            Entry::Vacant(unknown) => {
                let described = probe::describe(&self.client, table).await.map_err(Verdict::of_a_statement)?;
                if target.create_schema() == CreateSchema::Verify
                    && let Some(difference) = described.difference(&columns)
                {
                    let why = format!(
                        "the table {} is not as .create_schema(CreateSchema::Verify) asks for ({difference}): alter it, or \
                         write what it has with .create_schema(CreateSchema::Off)",
                        target.table(table)
                    );
                    return Err(Verdict::NoTable { why: why.into() });
                }
                let missing = described.missing(&sent);
                let own = columns.iter().filter(|(_, sent, _)| missing.contains(sent)).map(|(own, ..)| *own);
                self.layouts.push((table, own.fold(target.layout(table), Layout::without)));
                if !missing.is_empty() {
                    self.notes.push(format!(
                        "the table {} has no column {}: what belongs there is left out (from an hour after ALTER TABLE .. ADD COLUMN on it is written)",
                        target.table(table),
                        missing.join(", ")
                    ));
                }
                let (name, window) = (target.table(table), target.schema().window());
                match &described.tokens {
                    _ if !target.sends_token() => {}
                    Tokens::Kept => {}
                    Tokens::Forgotten => self.notes.push(format!(
                        "the table {name} keeps no deduplication tokens, so that an insert whose answer is lost is counted twice \
                         (ALTER TABLE {name} MODIFY SETTING non_replicated_deduplication_window = {window} makes it keep them)"
                    )),
                    Tokens::Unknown(engine) => self.notes.push(format!(
                        "the table {name} has the engine {engine}, which keeps no deduplication tokens, so that an insert whose \
                         answer is lost may be counted twice (a MergeTree table can keep them)"
                    )),
                }
                self.descriptions += 1;
                (unknown.insert(Known { described, number: self.descriptions, at: now }), Ready::Expired)
            }
        };
        let Known { described, number, .. } = known;
        if described.has_expired(insert.day, today) {
            return Ok(expired);
        }
        if insert.fits == *number {
            return Ok(Ready::Yes);
        }
        let missing = described.missing(&sent);
        if !missing.is_empty() {
            insert.leave_out(&missing);
        }
        // Servers that know none of the settings do not know either how to make the one of the other.
        if !target.sends_token() {
            let plain = described.plain_strings(&columns);
            if !plain.is_empty() {
                insert.spell_out(&plain);
            }
        }
        insert.fits = *number;
        Ok(Ready::Yes)
    }
}

/// What follows when an insert without rows fails as well: it is not for what is in the rows.
fn of_no_rows(verdict: Verdict) -> Verdict {
    match verdict.of_a_statement() {
        Verdict::Paused { status, why } => {
            let why = format!(
                "{why} (of an insert without rows, too: look at .insert_setting(name, value), or what is in between)"
            );
            Verdict::Paused { status, why: why.into() }
        }
        other => other,
    }
}

/// What follows when the tables could not be made.
fn of_preparation(verdict: Verdict) -> Verdict {
    match verdict.of_a_statement() {
        // Who may insert need not be allowed to create, also not what is there.
        Verdict::Paused { status, why } if ["Code: 497", "Code: 164"].iter().any(|code| why.contains(code)) => {
            let remedy =
                "let it create tables, or make them from Schema::to_sql() and say .create_schema(CreateSchema::Off)";
            Verdict::Paused { status, why: format!("{why} (of this user: {remedy})").into() }
        }
        other => other,
    }
}

/// How many rows were written, by a server's summary of an insert; those that views made of them are among them.
fn written(summary: &str) -> Option<u64> {
    let summary: serde_json::Value = serde_json::from_str(summary).ok()?;
    summary["written_rows"].as_str()?.parse().ok()
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("client", &self.client).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_summary_that_says_so_says_how_much_was_written() {
        assert_eq!(written(r#"{"read_rows":"7","written_rows":"0","result_rows":"0"}"#), Some(0));
        assert_eq!(written(r#"{"written_rows":"18446744073709551615"}"#), Some(u64::MAX));
        for other in [r#"{"written_rows":"-7"}"#, r#"{"read_rows":"0"}"#, r#"{"written_rows":"0"#, "", "[]", "7"] {
            assert_eq!(written(other), None, "{other}");
        }
    }
}
