//! Promise: a child that the host forks while records are being sent has no telemetry either. Whatever its parent's threads
//! are doing at that moment, in the middle of a request, between two tries, or asking for the status, the child may log, ask,
//! withdraw and end, and waits for nobody; it sends nothing, and what the parent logged arrives once.

#![cfg(all(unix, feature = "otlp"))]

#[path = "support/fork.rs"]
mod fork;
#[path = "support/receiver.rs"]
mod receiver;
mod support;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use fork::in_a_child;
use receiver::{Behaviour, Receiver, Value};
use support::{LONG, TempDir, callsite};
use tracing::metadata::Kind;
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Event};
use tracing_privacy::{Environment, Loss, Telemetry, Tuning, app};
use tracing_subscriber::Registry;
use tracing_subscriber::prelude::*;

/// Children of each test.
const CHILDREN: usize = 60;

struct Installed {
    telemetry: Telemetry,
    receiver: Receiver,
    _directory: TempDir,
}

/// The one telemetry of this process, under a subscriber that is the global default; the lock keeps the tests apart.
fn installed() -> (&'static Installed, MutexGuard<'static, ()>) {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let installed = INSTALLED.get_or_init(|| {
        let (receiver, directory) = (Receiver::start(), TempDir::new("fork-sending"));
        let environment = Environment::fixed([("ACME_TELEMETRY_ENABLED", "true")]).home(directory.path());
        let builder = Telemetry::builder(app!("acme")).environment(environment);
        // Each record is sent at once, so that there is always something to send.
        let builder = builder.otlp(receiver.url()).tuning(Tuning::for_rate(1));
        let telemetry = builder.start().expect("the settings are right");
        tracing_subscriber::registry().with(telemetry.layer()).init();
        // `tracing` itself takes a lock for a callsite that is new.
        log("before all", 0);
        telemetry.flush(LONG).expect("the receiver takes everything");
        Installed { telemetry, receiver, _directory: directory }
    });
    (installed, alone)
}

fn log(by: &'static str, number: u64) {
    let _span = tracing::info_span!("job", by, number).entered();
    tracing::info!(by, number, "done");
}

/// Does all that there is to do with telemetry.
#[expect(unsafe_code, reason = "the telemetry is shared by the threads of the parent, and a shutdown takes it away")]
fn live_as_a_child(shared: &Telemetry) {
    // SAFETY: the child has no other thread and ends by `_exit`: its copy is neither used nor dropped by anybody else.
    let telemetry = unsafe { std::ptr::read(shared) };
    // A callsite that the layer has not seen: no plan is made for it, since one may be in the making for ever.
    let site = callsite("event", &["by"], Kind::EVENT);
    let by: &dyn tracing::Value = &"the child";
    let lost = || telemetry.status().counts().lost(Loss::Forked);
    let before = lost();
    Event::dispatch(site, &site.fields().value_set_all(&[Some(by)]));
    assert_eq!(lost() - before, 1, "{}", telemetry.status());
    (0..300).for_each(|number| log("the child", number));
    let status = telemetry.status();
    assert!(status.destinations().is_empty() && status.last_answer().is_none());
    assert!(status.notes().iter().any(|note| note.contains("forked child")), "{status}");
    assert_eq!(telemetry.records(100).expect("there is nothing to read").len(), 0);
    assert_eq!(telemetry.export(&mut Vec::new()).expect("there is nothing to write"), 0);
    assert!(telemetry.clear().is_err(), "only the parent may clear");
    assert!(telemetry.layer::<Registry>().is_some());
    assert!(telemetry.flush(LONG).is_err(), "a child must not wait for what cannot come");
    telemetry.withdraw();
    assert!(!telemetry.is_on());
    (0..300).for_each(|number| log("the child", number));
    assert!(telemetry.shutdown(LONG).is_err());
    if let Ok(threads) = std::fs::read_dir("/proc/self/task") {
        assert_eq!(threads.count(), 1, "a child makes no thread");
    }
}

/// Forks while the parent sends, and while its threads do whatever takes a lock. The receiver answers `times` requests like
/// this, and then as it should.
fn fork_while_sending(answer: Behaviour, times: usize) {
    let (Installed { telemetry, receiver, .. }, _alone) = installed();
    let (requests, before) = (receiver.requests().len(), *telemetry.status().counts());
    receiver.then(vec![answer; times]);
    let (stop, made) = (AtomicBool::new(false), AtomicU64::new(0));
    let work: [&(dyn Fn() + Sync); 4] = [
        &|| {
            log("the parent", made.fetch_add(1, Ordering::Relaxed));
            std::thread::sleep(Duration::from_millis(5));
        },
        // Who shows the status all the time.
        &|| drop(telemetry.status()),
        // Who takes the locks of `tracing`, by making and dropping subscribers.
        &|| {
            drop(Dispatch::new(NoSubscriber::new()));
            tracing::callsite::rebuild_interest_cache();
        },
        &|| drop(telemetry.layer::<Registry>()),
    ];
    let ended: Vec<_> = std::thread::scope(|scope| {
        for work in work {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    work();
                }
            });
        }
        let is_out = receiver.wait_for(requests + 1, LONG);
        let ended = (0..CHILDREN).map(|_| in_a_child(|| live_as_a_child(telemetry))).collect();
        stop.store(true, Ordering::Relaxed);
        assert!(is_out, "the parent sends");
        ended
    });
    let in_trouble: Vec<_> = ended.iter().filter(|ended| ended.is_err()).collect();
    assert!(in_trouble.is_empty(), "{} of {CHILDREN} children: {:?}", in_trouble.len(), in_trouble[0]);

    let made = made.into_inner();
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    let counts = *telemetry.status().counts();
    // A record and a span each.
    let (produced, sent) = (counts.produced() - before.produced(), counts.sent() - before.sent());
    assert_eq!((produced, sent, counts.dropped()), (2 * made, 2 * made, 0), "{counts}");
    // What was answered otherwise was sent again.
    let taken = &receiver.requests()[requests + times..];
    let mut arrived: HashMap<(&str, i64), u32> = HashMap::new();
    let logs = taken.iter().flat_map(|request| request.logs()).map(|log| ("event", log.attributes));
    let spans = taken.iter().flat_map(|request| request.spans()).map(|span| ("span", span.attributes));
    for (kind, attributes) in logs.chain(spans) {
        assert_eq!(attributes.get("by"), Some(&Value::Str("the parent".to_owned())), "{attributes:?}");
        let Some(Value::Int(number)) = attributes.get("number") else { panic!("{attributes:?}") };
        *arrived.entry((kind, *number)).or_default() += 1;
    }
    assert_eq!(arrived.len() as u64, 2 * made);
    assert!(arrived.values().all(|times| *times == 1), "{arrived:?}");
}

#[test]
fn in_the_middle_of_a_request() {
    fork_while_sending(Behaviour::Hang, 1);
}

#[test]
fn between_the_tries_of_one() {
    fork_while_sending(Behaviour::Status(503), 4);
}

#[cfg(feature = "clickhouse")]
#[test]
fn after_an_answer_that_only_the_parent_knows() {
    use tracing::dispatcher::with_default;
    use tracing_privacy::Memory;
    use tracing_privacy::clickhouse::{ClickHouseExporter, CreateSchema, Layout, Table};

    let (_, _alone) = installed();
    let (receiver, directory) = (Receiver::start(), TempDir::new("fork-answer"));
    // The exporter asks first what the table is like.
    receiver.then(Behaviour::described(Layout::columns(Table::Logs)));
    let headers = vec![("x-clickhouse-summary", r#"{"written_rows":"1"}"#.to_owned())];
    receiver.afterwards(Behaviour::Custom { status: 200, headers, body: vec![] });
    let clickhouse = ClickHouseExporter::builder(receiver.url()).create_schema(CreateSchema::Off);
    let builder = support::builder(&directory, &Memory::new());
    let telemetry = builder.clickhouse(clickhouse).start().expect("the settings are right");
    with_default(&support::alone(&telemetry), || tracing::info!("order placed"));
    telemetry.flush(LONG).unwrap_or_else(|error| panic!("{error}: {}", telemetry.status()));
    assert!(telemetry.status().last_answer().is_some(), "{}", telemetry.status());
    let ended = in_a_child(|| {
        let status = telemetry.status();
        assert!(status.last_answer().is_none() && status.destinations().is_empty());
        telemetry.withdraw();
    });
    assert!(ended.is_ok(), "{ended:?}");
}
