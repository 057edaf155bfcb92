//! ClickHouse as the uploader sees it: stored records in, outcomes out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

#[cfg(feature = "metrics")]
use opentelemetry_sdk::Resource;

use super::client::Client;
use super::encoder::{Batch, Encoder};
use super::errors::Why;
use super::insert::Insert;
#[cfg(feature = "metrics")]
use super::rows::Period;
use super::sender::{Attempt, Sender};
use super::settings::ClickHouseBuilder;
use super::table::Table;
use crate::app::Clock;
use crate::export::Earlier;
use crate::export::endpoint::Endpoint;
use crate::export::http::{HttpFailure, Permit};
#[cfg(feature = "metrics")]
use crate::export::metrics;
use crate::export::outcome::Outcome;
use crate::export::sdk::{self, SdkRecords};
use crate::record::{RecordRef, Signal};

/// Seals stored records and sends them, one try at a time.
pub(crate) struct Uplink {
    sender: Sender,
    encoder: Encoder,
    records: SdkRecords,
    #[cfg(feature = "metrics")]
    has_event_metrics: bool,
    answer: Option<String>,
}

/// The inserts that a load of records makes: one for each day.
#[derive(Debug)]
pub(crate) struct Inserts {
    waiting: VecDeque<Insert>,
    /// Rows that will never arrive.
    rejected: u64,
    delivered: u64,
    records: u64,
    /// Some of those that wait no more may have left rows behind.
    has_left_rows: bool,
    /// The last refusal.
    refusal: Option<(u16, Why)>,
}

impl Uplink {
    pub(crate) fn new(settings: &ClickHouseBuilder, endpoint: Endpoint, permit: Permit) -> Self {
        let (target, encoder) = settings.parts();
        let mut http = settings.http.clone();
        http.permit = Some(permit);
        let client = Client::new(endpoint, http, target);
        Self {
            sender: Sender::new(client),
            encoder,
            records: SdkRecords::default(),
            #[cfg(feature = "metrics")]
            has_event_metrics: settings.has_event_metrics(),
            answer: None,
        }
    }

    /// Makes the inserts of records that share their signal and their resource.
    ///
    /// Tokens follow from the number, so that the same rows under the same number are counted once, also when another
    /// process sends them.
    pub(crate) fn seal(&mut self, records: &[RecordRef<'_>], number: i64, earlier: Earlier) -> Inserts {
        let mut waiting = VecDeque::new();
        if let Some(first) = records.first() {
            let resource = sdk::resource(first.resource());
            // The records come last: they are the ones that a table without a deduplication window would have again and again
            // while a table of metrics is not there.
            let mut batches = Vec::new();
            #[cfg(feature = "metrics")]
            if self.has_event_metrics {
                batches = self.measured(records, &resource);
            }
            batches.extend(match first.signal() {
                Signal::Span => {
                    let spans: Vec<_> = records.iter().map(|record| self.records.span_data(record)).collect();
                    self.encoder.spans(&spans, &resource)
                }
                Signal::Log => {
                    let logs: Vec<_> = records.iter().map(|record| self.records.log_record(record)).collect();
                    let scopes: Vec<_> =
                        records.iter().map(|record| self.records.scope(record.parts().target)).collect();
                    self.encoder.logs(logs.iter().zip(&scopes), &resource)
                }
            });
            for batch in batches {
                let token = token(number, &batch, &waiting);
                waiting.push_back(Insert::seal(batch, token, earlier));
            }
        }
        // Of several days the largest goes first: as long as nothing was taken, what is too large can be halved.
        let mut largest = BTreeMap::new();
        for insert in &waiting {
            let of_day: &mut usize = largest.entry((insert.table, insert.day)).or_default();
            *of_day = insert.bytes().max(*of_day);
        }
        let size = |insert: &Insert| largest.get(&(insert.table, insert.day)).copied();
        waiting.make_contiguous().sort_by_key(|insert| (is_of_records(insert), Reverse(size(insert))));
        let records = records.len() as u64;
        Inserts { waiting, rejected: 0, delivered: 0, records, has_left_rows: false, refusal: None }
    }

    /// What events measured, each day by itself: what becomes of one changes nothing about the insert of another.
    #[cfg(feature = "metrics")]
    fn measured(&mut self, records: &[RecordRef<'_>], resource: &Resource) -> Vec<Batch> {
        const NANOS_PER_DAY: u64 = 86_400_000_000_000;
        let mut days: BTreeMap<u64, Vec<RecordRef<'_>>> = BTreeMap::new();
        for record in records.iter().filter(|record| metrics::has_any(record)) {
            days.entry(record.unix_nanos() / NANOS_PER_DAY).or_default().push(*record);
        }
        let mut batches = Vec::new();
        for records in days.into_values() {
            let times = || records.iter().map(|record| i64::try_from(record.unix_nanos()).unwrap_or(i64::MAX));
            let period = Period { start: times().min().unwrap_or(0), end: times().max().unwrap_or(0) };
            match metrics::of(&records, resource.clone(), &mut self.records) {
                Ok(metrics) => batches.extend(self.encoder.metrics_of(period, &metrics)),
                Err(why) => self.sender.note(why),
            }
        }
        batches
    }

    /// Makes what is slow to make, so that sending is nothing but waiting.
    pub(crate) fn prepare(&self) -> Result<(), HttpFailure> {
        self.sender.prepare()
    }

    /// Sends what waits, up to the first failure. What arrived is not sent again with the next call.
    pub(crate) async fn send(&mut self, inserts: &mut Inserts, clock: &Clock) -> Outcome {
        while let Some(insert) = inserts.waiting.front_mut() {
            let attempt = self.sender.attempt(insert, clock).await;
            for (table, layout) in self.sender.take_layouts() {
                self.encoder.set_layout(table, layout);
            }
            let is_of_records = is_of_records(insert);
            let rows = if is_of_records { insert.rows } else { 0 };
            let may_be_halved = if is_of_records { insert.rows > 1 } else { inserts.records > 1 };
            let attempt = match attempt {
                Attempt::TooLarge(why) if !may_be_halved => Attempt::Outcome(Outcome::Rejected { status: 413, why }),
                attempt => attempt,
            };
            let rejected = match attempt {
                Attempt::Outcome(Outcome::Delivered { message, .. }) => {
                    self.answer = message.or(self.answer.take());
                    inserts.delivered += rows;
                    0
                }
                Attempt::Outcome(Outcome::Rejected { why, .. }) if !is_of_records => {
                    self.sender.note(format!("{} metrics of events were refused for good: {why}", insert.rows));
                    0
                }
                Attempt::Outcome(Outcome::Rejected { status, why }) => {
                    inserts.refusal = Some((status, why));
                    rows
                }
                Attempt::Outcome(outcome) => return outcome,
                Attempt::NoTable(why) => {
                    return Outcome::NoTable { why: format!("{why} (Schema::to_sql() prints how to make it)").into() };
                }
                Attempt::Expired => rows,
                Attempt::TooLarge(why) if inserts.is_certainly_absent() => {
                    return Outcome::TooLarge { status: 413, why };
                }
                // Halves would have other tokens.
                Attempt::TooLarge(why) => {
                    let why = format!("{why} (it may have a part of the records already: allow requests of this size)");
                    return Outcome::Retry { after: None, why: why.into() };
                }
            };
            inserts.rejected += rejected;
            let settled = inserts.waiting.pop_front();
            inserts.has_left_rows |= settled.is_none_or(|insert| !insert.is_certainly_absent);
        }
        match inserts.refusal.take() {
            Some((status, why)) if inserts.delivered == 0 => Outcome::Rejected { status, why },
            refusal => {
                Outcome::Delivered { rejected: inserts.rejected, message: refusal.map(|(_, why)| why.into_owned()) }
            }
        }
    }

    /// The server's summary of the last insert that it took.
    pub(crate) fn take_answer(&mut self) -> Option<String> {
        self.answer.take()
    }

    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        self.sender.take_notes()
    }
}

impl Inserts {
    /// Whether certainly no row of any of them is in the server.
    pub(crate) fn is_certainly_absent(&self) -> bool {
        !self.has_left_rows && self.waiting.iter().all(|insert| insert.is_certainly_absent)
    }
}

/// Metrics are none: the events that they are made of are.
fn is_of_records(insert: &Insert) -> bool {
    matches!(insert.table, Table::Traces | Table::Logs)
}

/// The token of a batch that comes after these.
///
/// It is the same whatever became of other days: those may be gone when the load is sealed again, and what an answer was lost
/// for must not get another token. A day has one insert, unless a million records share it; then they are told apart by their
/// order.
fn token(number: i64, batch: &Batch, earlier: &VecDeque<Insert>) -> String {
    let (table, day) = (batch.table, batch.day);
    let of_day = earlier.iter().filter(|insert| (insert.table, insert.day) == (table, day)).count();
    format!("{number:016x}-{table}-{day}-{of_day}")
}

impl fmt::Debug for Uplink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uplink").field("sender", &self.sender).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::compression::Compression;
    use super::super::encoder::Format;
    use super::*;

    fn tokens(days: &[u16]) -> Vec<String> {
        let mut waiting = VecDeque::new();
        for &day in days {
            let (table, format, compression) = (Table::Traces, Format::Native, Compression::None);
            let batch =
                Batch { table, day, rows: 1, clamped: 0, format, compression, uncompressed: 0, body: Vec::new() };
            let token = token(7, &batch, &waiting);
            waiting.push_back(Insert::seal(batch, token, Earlier::Nothing));
        }
        waiting.into_iter().map(|insert| insert.token).collect()
    }

    #[test]
    fn the_token_of_a_day_does_not_depend_on_the_others() {
        let all = tokens(&[20_000, 20_001, 20_001]);
        assert_eq!(tokens(&[20_001, 20_001]), all[1..]);
        assert!(all[1] != all[2] && all[0] != all[1]);
    }
}
