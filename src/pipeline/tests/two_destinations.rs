//! Records that go to two servers: whatever becomes of one of them, the other one gets each record once, and a record is
//! counted once.

use super::waiting::assert_adds_up;
use super::*;
use crate::export::clickhouse::{ClickHouseExporter, Compression, CreateSchema, Format, Layout, Table};
use crate::export::receiver::Behaviour;

/// Both servers, and a pipeline that sends to them, the collector first. The clock moves only when told.
struct Both {
    collector: Receiver,
    clickhouse: Receiver,
    clock: Clock,
    pipeline: Pipeline,
    pad: Scratchpad,
}

/// What ClickHouse says when all is well.
pub(super) fn nothing() -> Behaviour {
    said(200, "")
}

pub(super) fn said(status: u16, body: &str) -> Behaviour {
    Behaviour::said(status, body)
}

/// Whatever becomes of rows, it answers questions about its table, and has nothing against inserts without any.
pub(super) fn obliging(receiver: &Receiver) {
    let [columns, rest] = described();
    receiver.whenever(|request| request.raw.starts_with(b"DESCRIBE"), columns);
    receiver.whenever(|request| request.raw.starts_with(b"SELECT"), rest);
    receiver.whenever(|request| request.path.contains("INSERT") && request.raw == b"\n", nothing());
}

/// ClickHouse, as a destination of rows that can be read here.
pub(super) fn clickhouse(receiver: &Receiver) -> crate::export::Receiver {
    obliging(receiver);
    let settings = ClickHouseExporter::builder(receiver.url())
        .create_schema(CreateSchema::Off)
        .format(Format::JsonEachRow)
        .compression(Compression::None);
    let endpoint = Endpoint::parse("the test", &receiver.url(), &[]).unwrap();
    crate::export::Receiver::ClickHouse { endpoint, settings: Box::new(settings) }
}

/// What it answers to the questions about its table.
pub(super) fn described() -> [Behaviour; 2] {
    Behaviour::described(Layout::columns(Table::Logs))
}

impl Both {
    fn start() -> Self {
        let (collector, clickhouse, pad) = (Receiver::start(), Receiver::start(), Scratchpad::new());
        let clock = Clock::manual("2026-11-21T12:00:00Z");
        let receivers = vec![super::collector(&collector), self::clickhouse(&clickhouse)];
        let parts = parts(Policy::standard(), receivers, Schedule::Manual, pad.place());
        let pipeline = Pipeline::start(Parts { clock: clock.clone(), ..parts }).unwrap();
        let both = Both { collector, clickhouse, clock, pipeline, pad };
        both.clickhouse.afterwards(nothing());
        both.describe();
        both
    }

    /// ClickHouse answers the questions about its table next.
    fn describe(&self) {
        self.clickhouse.then(described());
    }

    fn log(&self, records: std::ops::Range<usize>) {
        log(&self.pipeline, || records.for_each(|n| tracing::info!("record {n}")));
    }

    /// Bodies that the collector was sent, whatever it answered.
    fn at_collector(&self) -> Vec<String> {
        self.collector.logs().into_iter().filter_map(|log| log.body).collect()
    }

    /// Inserts that ClickHouse was sent, whatever it answered: their rows.
    fn inserts(&self) -> Vec<Vec<String>> {
        let is_insert = |one: &crate::export::receiver::Request| one.path.contains("INSERT") && one.raw != b"\n";
        let rows = |request: crate::export::receiver::Request| -> Vec<String> {
            let rows = serde_json::Deserializer::from_slice(&request.raw).into_iter::<serde_json::Value>();
            rows.map(|row| row.unwrap()["Body"].as_str().unwrap().to_owned()).collect()
        };
        self.clickhouse.requests().into_iter().filter(is_insert).map(rows).collect()
    }

    fn assert_counts(&self, sent: u64, stored: u64, rejected: u64) {
        let counts = self.pipeline.counts();
        assert_adds_up(&counts);
        let found = (counts.sent(), counts.stored(), counts.lost(Loss::Rejected));
        assert_eq!(found, (sent, stored, rejected), "{counts} {:?}", self.pipeline.notes());
    }
}

fn records(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("record {n}")).collect()
}

#[test]
fn what_the_filter_missed_reaches_no_destination_of_any_kind() {
    use opentelemetry_sdk::logs::InMemoryLogExporter;

    for schedule in [Schedule::Live, Schedule::Manual] {
        let (collector, clickhouse, pad) = (Receiver::start(), Receiver::start(), Scratchpad::new());
        let exporter = InMemoryLogExporter::default();
        let receivers = vec![
            super::collector(&collector),
            self::clickhouse(&clickhouse),
            crate::export::Receiver::Sdk(crate::export::SdkDestination::log_exporter(exporter.clone(), 0)),
        ];
        clickhouse.then(described());
        clickhouse.afterwards(nothing());
        let policy = Policy::standard().scanner(Scanner::standard().without(Kind::Email));
        let parts = parts(policy, receivers, schedule, pad.place());
        let pipeline = Pipeline::start_checked_by(engine(Policy::standard()), parts).unwrap();
        super::log(&pipeline, || {
            tracing::info!("control one");
            tracing::info!("by {CANARY}");
            tracing::info!(note = CANARY, "a field");
            tracing::info!("control two");
        });
        assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
        let both = ["control one", "control two"];
        let at_collector: Vec<_> = collector.logs().into_iter().filter_map(|log| log.body).collect();
        assert_eq!(at_collector, both, "{schedule:?}");
        let exported = exporter.get_emitted_logs().unwrap();
        assert_eq!(exported.len(), 2, "{schedule:?}");
        assert!(!format!("{exported:?}").contains(CANARY) && format!("{exported:?}").contains(both[0]));
        let requests = clickhouse.requests();
        let holds = |text: &str| {
            requests.iter().filter(|one| one.raw.windows(text.len()).any(|part| part == text.as_bytes())).count()
        };
        assert_eq!((holds(both[0]), holds(both[1]), holds(CANARY)), (1, 1, 0), "{schedule:?}");
        let counts = pipeline.counts();
        assert_adds_up(&counts);
        assert_eq!((counts.produced(), counts.sent(), counts.lost(Loss::Defect)), (4, 2, 2), "{counts}");
        let _ = pipeline.shutdown(LONG);
    }
}

#[test]
fn the_one_that_is_there_gets_each_record_once_and_the_other_one_when_it_is_back() {
    for is_collector_down in [true, false] {
        let both = Both::start();
        let down = if is_collector_down { &both.collector } else { &both.clickhouse };
        down.afterwards(Behaviour::RetryAfter(503, 30));
        for round in 0..3 {
            both.log(5 * round..5 * round + 5);
            assert_eq!(both.pipeline.flush(LONG), Err(Unfinished::Upload), "{:?}", both.pipeline.notes());
            let up = if is_collector_down { both.inserts().concat() } else { both.at_collector() };
            assert_eq!(up, records(0..5 * round + 5), "{is_collector_down}");
        }
        // Sent is what all have.
        both.assert_counts(0, 15, 0);
        let before = down.requests().len();
        down.afterwards(if is_collector_down { Behaviour::Ok } else { nothing() });
        both.clock.advance(Duration::from_secs(120));
        assert_eq!(both.pipeline.flush(LONG), Ok(()), "{:?}", both.pipeline.notes());
        both.assert_counts(15, 0, 0);
        let (mut at_collector, mut at_clickhouse) = (both.at_collector(), both.inserts().concat());
        // Without what was sent in vain.
        match is_collector_down {
            true => {
                at_collector =
                    down.requests()[before..].iter().flat_map(|one| one.logs()).filter_map(|log| log.body).collect()
            }
            false => drop(at_clickhouse.drain(..at_clickhouse.len() - 15)),
        }
        // What it failed at comes after what it was not asked to take.
        let number = |record: &String| record["record ".len()..].parse::<usize>().unwrap();
        at_collector.sort_by_key(number);
        at_clickhouse.sort_by_key(number);
        assert_eq!((at_collector, at_clickhouse), (records(0..15), records(0..15)), "{is_collector_down}");
    }
}

#[test]
fn a_record_that_one_of_them_refuses_is_sent_and_one_that_both_refuse_is_not() {
    let refused = "Code: 27. DB::Exception: Cannot parse input. (CANNOT_PARSE_INPUT_ASSERTION_FAILED)";
    let partly = || Behaviour::PartialSuccess { rejected: 2, message: "two were odd".to_owned() };
    for (collector, clickhouse, rejected) in [
        (Behaviour::Status(400), nothing(), 0),
        (Behaviour::Ok, said(400, refused), 0),
        (Behaviour::Status(400), said(400, refused), 4),
        (partly(), nothing(), 0),
        // At least so many have arrived nowhere.
        (partly(), said(400, refused), 2),
    ] {
        let both = Both::start();
        both.collector.afterwards(collector);
        both.clickhouse.afterwards(clickhouse);
        both.log(0..4);
        assert_eq!(both.pipeline.flush(LONG), Ok(()), "{:?}", both.pipeline.notes());
        both.assert_counts(4 - rejected, 0, rejected);
        assert_eq!((both.collector.requests().len(), both.inserts().len()), (1, 1));
        assert_eq!(both.pipeline.flush(LONG), Ok(()), "nothing is left");
        assert_eq!((both.collector.requests().len(), both.inserts().len()), (1, 1));
    }
}

#[test]
fn what_one_refused_before_the_other_was_there_is_not_counted_as_sent_when_that_refuses_it_too() {
    for (last, sent) in [(Behaviour::Status(400), 0), (Behaviour::Ok, 4)] {
        let both = Both::start();
        both.collector.afterwards(Behaviour::RetryAfter(503, 30));
        both.clickhouse.afterwards(said(400, "Code: 27. DB::Exception: Cannot parse input."));
        both.log(0..4);
        assert_eq!(both.pipeline.flush(LONG), Err(Unfinished::Upload));
        both.assert_counts(0, 4, 0);
        both.collector.afterwards(last);
        both.clock.advance(Duration::from_secs(120));
        assert_eq!(both.pipeline.flush(LONG), Ok(()), "{:?}", both.pipeline.notes());
        assert_eq!(both.inserts().len(), 1, "it is not asked again");
        both.assert_counts(sent, 0, 4 - sent);
    }
}

#[test]
fn what_may_not_go_to_the_other_one_is_not_sent_when_the_only_one_refuses_it() {
    use opentelemetry_sdk::logs::InMemoryLogExporter;

    for (answer, state) in [(Behaviour::Status(400), "rejected"), (Behaviour::Ok, "sent")] {
        let (collector, pad) = (Receiver::start(), Scratchpad::new());
        let run = |run: u64, receivers: Vec<crate::export::Receiver>| {
            let parts = parts(Policy::standard(), receivers, Schedule::Manual, pad.place());
            Pipeline::start(Parts { run, ..parts }).unwrap()
        };
        let before = run(7, vec![super::collector(&collector)]);
        super::log(&before, || tracing::info!("for the collector alone"));
        assert_eq!((before.store(LONG), collector.requests().len()), (Ok(()), 0));
        collector.afterwards(answer);
        let exporter = InMemoryLogExporter::default();
        let own = crate::export::Receiver::Sdk(crate::export::SdkDestination::log_exporter(exporter.clone(), 0));
        let after = run(8, vec![super::collector(&collector), own]);
        assert_eq!(after.flush(LONG), Ok(()), "{:?}", after.notes());
        assert_eq!((collector.requests().len(), exporter.get_emitted_logs().unwrap().len()), (1, 0));
        assert_eq!(states(&pad), state);
    }
}

/// What the store says became of its batches.
fn states(pad: &Scratchpad) -> String {
    pad.database().query_row("SELECT group_concat(state) FROM batches", [], |row| row.get(0)).unwrap()
}

#[test]
fn what_one_refused_and_then_the_other_one_in_a_later_run_is_not_sent() {
    for (last, state) in [(said(400, "Code: 27. DB::Exception: Cannot parse input."), "rejected"), (nothing(), "sent")]
    {
        let (collector, clickhouse, pad) = (Receiver::start(), Receiver::start(), Scratchpad::new());
        let run = |run: u64| {
            let receivers = vec![super::collector(&collector), self::clickhouse(&clickhouse)];
            let parts = parts(Policy::standard(), receivers, Schedule::Manual, pad.place());
            clickhouse.then(described());
            Pipeline::start(Parts { run, ..parts }).unwrap()
        };
        collector.afterwards(Behaviour::Status(400));
        clickhouse.afterwards(Behaviour::RetryAfter(503, 30));
        let before = run(7);
        super::log(&before, || tracing::info!("for both"));
        assert_eq!(before.flush(LONG), Err(Unfinished::Upload));
        clickhouse.afterwards(last);
        assert_eq!(run(8).flush(LONG), Ok(()));
        assert_eq!(collector.requests().len(), 1, "it is not asked again");
        assert_eq!(states(&pad), state);
    }
}

/// An exporter that takes nothing while it is down, and notes how many batches it was given otherwise.
#[derive(Debug, Clone, Default)]
struct Sometimes {
    is_down: Arc<AtomicBool>,
    taken: Arc<AtomicU32>,
}

impl opentelemetry_sdk::logs::LogExporter for Sometimes {
    async fn export(&self, _: opentelemetry_sdk::logs::LogBatch<'_>) -> opentelemetry_sdk::error::OTelSdkResult {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(opentelemetry_sdk::error::OTelSdkError::InternalFailure("down".to_owned()));
        }
        self.taken.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[test]
fn a_later_run_that_names_its_exporters_in_another_order_gives_each_what_it_lacks() {
    use opentelemetry_sdk::logs::InMemoryLogExporter;

    use crate::export::{Receiver::Sdk, SdkDestination};

    let (first, second, pad) = (InMemoryLogExporter::default(), Sometimes::default(), Scratchpad::new());
    let run = |run: u64, places: [usize; 2]| {
        let mut receivers = vec![
            Sdk(SdkDestination::log_exporter(first.clone(), places[0])),
            Sdk(SdkDestination::log_exporter(second.clone(), places[1])),
        ];
        receivers.sort_by_key(crate::export::Receiver::bit);
        let parts = parts(Policy::standard(), receivers, Schedule::Manual, pad.place());
        Pipeline::start(Parts { run, ..parts }).unwrap()
    };
    let taken = || (first.get_emitted_logs().unwrap().len(), second.taken.load(Ordering::SeqCst));
    second.is_down.store(true, Ordering::SeqCst);
    let before = run(7, [0, 1]);
    super::log(&before, || tracing::info!("for both"));
    assert_eq!((before.flush(LONG), taken()), (Err(Unfinished::Upload), (1, 0)));
    second.is_down.store(false, Ordering::SeqCst);
    assert_eq!((run(8, [1, 0]).flush(LONG), taken()), (Ok(()), (1, 1)));
}

#[test]
fn what_one_of_them_refused_is_not_sent_when_the_other_one_gives_it_up() {
    let both = Both::start();
    let is_poison = |request: &crate::export::receiver::Request| {
        request.logs().iter().any(|log| log.body.as_deref() == Some("record 2"))
    };
    both.collector.whenever(is_poison, Behaviour::Status(500));
    both.clickhouse.afterwards(said(400, "Code: 27. DB::Exception: Cannot parse input."));
    both.log(0..4);
    let others = hourly(&both.pipeline, &both.clock, || both.pipeline.counts().stored() == 0);
    // The collector has the others.
    both.assert_counts(3 + others, 0, 0);
    assert_eq!(both.pipeline.counts().lost(Loss::GivenUp), 1);
}

#[test]
fn what_one_of_them_goes_on_failing_at_is_given_up_for_that_one_alone() {
    for is_clickhouse_there in [true, false] {
        let both = Both::start();
        let is_poison = |request: &crate::export::receiver::Request| {
            request.logs().iter().any(|log| log.body.as_deref() == Some("record 2"))
        };
        both.collector.whenever(is_poison, Behaviour::Status(500));
        if !is_clickhouse_there {
            both.clickhouse.afterwards(Behaviour::RetryAfter(503, 30));
        }
        both.log(0..4);
        let gave_up = || both.pipeline.notes().iter().any(|note| note.contains("given up"));
        let others = hourly(&both.pipeline, &both.clock, gave_up);
        let at_collector = || {
            let requests = both.collector.requests().into_iter().filter(|request| !is_poison(request));
            let mut found: Vec<_> = requests.flat_map(|one| one.logs()).filter_map(|log| log.body).collect();
            found.sort();
            found
        };
        let expected = |range| [vec!["other".to_owned(); others as usize], records(range)].concat();
        let mut without = expected(0..4);
        if is_clickhouse_there {
            // The one that knows tokens has it: halves are safe.
            without.retain(|record| record != "record 2");
        } else {
            // It may have rows of the load under its token, so that stays whole.
            without = expected(0..0);
            assert_eq!(both.pipeline.counts().sent(), 0, "the other one is not there, and loses nothing by that");
            both.clickhouse.afterwards(nothing());
        }
        both.clock.advance(Duration::from_secs(3_600));
        assert_eq!(both.pipeline.flush(LONG), Ok(()), "{:?}", both.pipeline.notes());
        assert_eq!(at_collector(), without, "{is_clickhouse_there}");
        if is_clickhouse_there {
            let mut at_clickhouse = both.inserts().concat();
            at_clickhouse.sort();
            assert_eq!(at_clickhouse, expected(0..4));
        }
        // One of them has it.
        both.assert_counts(4 + others, 0, 0);
    }
}

#[test]
fn what_the_first_took_while_the_store_could_not_be_told_reaches_it_once() {
    for is_second_there in [false, true] {
        let both = Both::start();
        both.collector.then([Behaviour::Trickle]);
        if !is_second_there {
            both.clickhouse.afterwards(Behaviour::RetryAfter(503, 30));
        }
        both.log(0..3);
        let flushing = flushing(&both.pipeline);
        assert!(both.collector.wait_for(1, LONG));
        let database = both.pad.database();
        database.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(flushing.join().unwrap(), Err(Unfinished::Upload));
        database.execute_batch("COMMIT").unwrap();
        both.assert_counts(0, 3, 0);
        both.clickhouse.afterwards(nothing());
        // The claim has run out by then, and the store can be told.
        both.clock.advance(Duration::from_secs(120));
        assert_eq!(both.pipeline.flush(LONG), Ok(()), "{:?}", both.pipeline.notes());
        assert_eq!(both.at_collector(), records(0..3), "{is_second_there}");
        assert_eq!(both.inserts().last(), Some(&records(0..3)), "{is_second_there}");
        both.assert_counts(3, 0, 0);
    }
}

/// Panics over some records, which it loses by that.
#[derive(Debug)]
struct Losing(&'static [&'static str]);

impl opentelemetry_sdk::logs::LogProcessor for Losing {
    fn emit(&self, record: &mut opentelemetry_sdk::logs::SdkLogRecord, _: &opentelemetry::InstrumentationScope) {
        let body = format!("{:?}", record.body());
        if self.0.iter().any(|lost| body.contains(lost)) {
            std::panic::resume_unwind(Box::new("lost"));
        }
    }

    fn force_flush(&self) -> opentelemetry_sdk::error::OTelSdkResult {
        Ok(())
    }
}

#[test]
fn what_one_lost_of_a_load_is_counted_once_however_often_it_is_halved_for_the_other() {
    let (receiver, pad) = (Receiver::start(), Scratchpad::new());
    let clock = Clock::manual("2026-11-21T12:00:00Z");
    let losing = Losing(&["record 0", "record 3"]);
    let own = crate::export::Receiver::Sdk(crate::export::SdkDestination::log_processor(losing, 0));
    let parts = parts(Policy::standard(), vec![collector(&receiver), own], Schedule::Manual, pad.place());
    let pipeline = Pipeline::start(Parts { clock: clock.clone(), ..parts }).unwrap();
    let is_record =
        |log: &crate::export::receiver::Log| log.body.as_deref().is_some_and(|body| body.starts_with("rec"));
    receiver.whenever(move |request| request.logs().iter().any(is_record), Behaviour::Status(500));
    super::log(&pipeline, || (0..4).for_each(|n| tracing::info!("record {n}")));
    let others = hourly(&pipeline, &clock, || pipeline.counts().stored() == 0);
    let counts = pipeline.counts();
    assert_adds_up(&counts);
    // The collector took none of the four, and the processor took two.
    assert_eq!((counts.sent(), counts.dropped()), (others + 2, 2), "{counts}");
}

#[test]
fn what_is_cleared_while_the_first_has_it_does_not_reach_the_second() {
    let both = Both::start();
    both.collector.then([Behaviour::Trickle]);
    both.log(0..3);
    let flushing = flushing(&both.pipeline);
    assert!(both.collector.wait_for(1, LONG));
    assert_eq!(both.pipeline.clear().unwrap(), 3);
    let _ = flushing.join().unwrap();
    assert_eq!(both.inserts().len(), 0);
    assert_eq!((both.pipeline.counts().sent(), both.pipeline.counts().lost(Loss::Cleared)), (0, 3));
    assert_adds_up(&both.pipeline.counts());
}

#[test]
fn what_another_process_took_while_the_first_was_slow_is_not_sent_to_the_second() {
    let both = Both::start();
    both.collector.then([Behaviour::Trickle]);
    both.log(0..3);
    let flushing = flushing(&both.pipeline);
    assert!(both.collector.wait_for(1, LONG));
    // The claim has run out, and somebody else has one.
    both.clock.advance(Duration::from_secs(600));
    let receivers = [1, 2].map(|bit| ("127.0.0.1".to_owned(), bit));
    let mut other = both.pad.place().for_hosts(receivers).open(9).unwrap();
    let now = both.pipeline.0.shared.now_seconds();
    let routes = crate::record::claim::Routes { logs: 3, spans: 3, all: 3 };
    let lease = crate::record::claim::Lease { owner: 9, now, steady: now, length: LONG, routes };
    let claimed = other.claim(100, u64::MAX, lease, i64::MAX).unwrap();
    assert_eq!(claimed.iter().map(|batch| batch.rows.len()).sum::<usize>(), 3);
    let _ = flushing.join().unwrap();
    assert_eq!(both.inserts().len(), 0);
    both.assert_counts(0, 3, 0);
}

#[test]
fn what_another_process_has_sent_to_the_first_does_not_go_there_again_from_memory() {
    use crate::export::{Receiver::Sdk, SdkDestination};

    let (collector, second, pad) = (Receiver::start(), Sometimes::default(), Scratchpad::new());
    let run = |run: u64, schedule: Schedule| {
        let receivers = vec![super::collector(&collector), Sdk(SdkDestination::log_exporter(second.clone(), 0))];
        let mut parts = parts(Policy::standard(), receivers, schedule, pad.place());
        parts.destination.as_mut().unwrap().tuning.interval = Duration::from_secs(86_400);
        let pipeline = Pipeline::start(Parts { run, ..parts }).unwrap();
        super::log(&pipeline, || tracing::info!("of run {run}"));
        assert_eq!(pipeline.store(LONG), Ok(()));
        pipeline
    };
    let (here, other) = (run(7, Schedule::Live), run(9, Schedule::Manual));
    assert_eq!(lock(&here.0.shared.upload.as_ref().unwrap().lots).records(), 1);
    second.is_down.store(true, Ordering::SeqCst);
    assert_eq!(other.flush(LONG), Err(Unfinished::Upload));
    second.is_down.store(false, Ordering::SeqCst);
    assert_eq!(here.flush(LONG), Ok(()), "{:?}", here.notes());
    let at_collector: Vec<_> = collector.logs().into_iter().filter_map(|log| log.body).collect();
    assert_eq!((at_collector, second.taken.load(Ordering::SeqCst)), (vec!["of run 7".into(), "of run 9".into()], 1));
    assert_eq!((here.counts().sent(), here.counts().stored()), (1, 0));
}

#[test]
fn a_withdrawal_while_the_first_is_asked_leaves_the_second_unasked() {
    let both = Both::start();
    both.collector.afterwards(Behaviour::Hang);
    both.log(0..3);
    let flushing = flushing(&both.pipeline);
    assert!(both.collector.wait_for(1, LONG));
    both.pipeline.withdraw();
    let _ = flushing.join().unwrap();
    assert_eq!((both.collector.requests().len(), both.clickhouse.requests().len()), (1, 0));
    assert_eq!(both.pipeline.counts().sent(), 0);
}

#[test]
fn each_insert_of_a_day_has_a_token_of_its_own() {
    let both = Both::start();
    // An insert takes a hundred rows at most while this is tested.
    both.log(0..250);
    assert_eq!(both.pipeline.flush(LONG), Ok(()), "{:?}", both.pipeline.notes());
    let inserts = both.inserts();
    assert_eq!(inserts.concat(), records(0..250));
    assert!(inserts.len() >= 3 && inserts.iter().any(|rows| rows.len() == 100), "{}", inserts.len());
    let requests = both.clickhouse.requests();
    let token = |path: &str| {
        path.split('&').find_map(|word| word.strip_prefix("insert_deduplication_token=")).map(str::to_owned)
    };
    let mut tokens: Vec<_> = requests.iter().filter_map(|request| token(&request.path)).collect();
    assert_eq!(tokens.len(), inserts.len());
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), inserts.len(), "{tokens:?}");
}
