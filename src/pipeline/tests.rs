//! The whole way to a real receiver, with a filter that is blind to something.

#[cfg(feature = "clickhouse")]
mod claims;
#[cfg(feature = "clickhouse")]
mod clickhouse;
mod exactly_once;
mod handover;
mod losses;
mod objections;
#[cfg(feature = "clickhouse")]
mod other_destinations;
mod resting;
mod starting;
mod too_large;
#[cfg(feature = "clickhouse")]
mod two_destinations;
mod waiting;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;

use super::*;
use crate::app::{Clock, Timestamp};
use crate::export::Endpoint;
use crate::export::receiver::{Behaviour, Receiver};
use crate::privacy::format::{Header, Shape};
use crate::privacy::{Kind, Origin, Policy, PrivacyVisitor, Pseudonymizer, Scanner, Scratch, TimeUnit};
use crate::record::Hosts;
use crate::store::{Limits, State, Store};

const LONG: Duration = Duration::from_secs(30);
const CANARY: &str = "canary@mail.example";

/// A private directory, removed at the end.
struct Scratchpad(PathBuf);

impl Scratchpad {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tracing-privacy-pipeline-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        }
        Scratchpad(path)
    }

    fn place(&self) -> Place {
        Place::Disk { directory: self.0.clone(), limits: Limits::default(), hosts: Hosts::default() }
    }
}

impl Drop for Scratchpad {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn engine(policy: Policy) -> Arc<Engine> {
    Arc::new(Engine { policy, pseudonyms: Pseudonymizer::with_key(&[7; 32]) })
}

/// What a pipeline is made of, unless the test says otherwise.
fn parts(policy: Policy, receivers: Vec<crate::export::Receiver>, schedule: Schedule, place: Place) -> Parts {
    Parts {
        name: "test".to_owned(),
        engine: engine(policy.clone()),
        plans: Arc::new(Plans::new(policy)),
        resource: Resource::default(),
        clock: Clock::system(),
        run: 7,
        place,
        exporters: Vec::new(),
        prepare: Box::new(|| Ok(())),
        upkeep: Box::new(Kept::default),
        objection: Arc::new(|| None),
        destination: Some(Destination { receivers, schedule, tuning: Tuning::default() }),
    }
}

/// A pipeline that sends nothing anywhere.
fn local(scratchpad: &Scratchpad, upkeep: Upkeep) -> Pipeline {
    let parts = parts(Policy::standard(), Vec::new(), Schedule::Manual, scratchpad.place());
    Pipeline::start(Parts { upkeep, destination: None, ..parts }).unwrap()
}

/// Of a pipeline that stored one record, these others were lost, for this reason.
#[track_caller]
fn lost_only(pipeline: &Pipeline, reason: Loss, records: u64) {
    let counts = pipeline.counts();
    assert_eq!((counts.lost(reason), counts.dropped(), counts.pending()), (records, records, 0), "{counts}");
    assert_eq!((counts.produced(), counts.stored()), (records + 1, 1), "{counts}");
}

/// Logs another record each hour, which shows that the servers are there, until something is so. Tells how many there were.
fn hourly(pipeline: &Pipeline, clock: &Clock, is_so: impl Fn() -> bool) -> u64 {
    let mut hours = 0;
    while hours == 0 || !is_so() {
        let _ = pipeline.flush(LONG);
        log(pipeline, || tracing::info!("other"));
        let _ = pipeline.flush(LONG);
        clock.advance(Duration::from_secs(3_600));
        hours += 1;
        assert!(hours < 40, "{:?}", pipeline.notes());
    }
    hours
}

/// This receiver as a collector.
fn collector(receiver: &Receiver) -> crate::export::Receiver {
    let endpoint = Endpoint::parse("the test", &receiver.url(), &[]).unwrap();
    crate::export::Receiver::Otlp { endpoint, settings: Box::default() }
}

/// The same, which is waited for as long as a machine with much else to do may take.
fn patient(mut receiver: crate::export::Receiver) -> crate::export::Receiver {
    match &mut receiver {
        crate::export::Receiver::Otlp { settings, .. } => settings.http.total_timeout = LONG,
        #[cfg(feature = "clickhouse")]
        crate::export::Receiver::ClickHouse { settings, .. } => settings.http.total_timeout = LONG,
        crate::export::Receiver::Sdk(_) => {}
    }
    receiver
}

/// A pipeline whose filter is blind to e-mail addresses, on the way in and on the way back from disk, and whose second
/// check is not.
fn blind(receiver: &Receiver, schedule: Schedule, place: Place) -> Pipeline {
    blind_run(receiver, schedule, place, 7)
}

fn blind_run(receiver: &Receiver, schedule: Schedule, place: Place, run: u64) -> Pipeline {
    let policy = Policy::standard().scanner(Scanner::standard().without(Kind::Email));
    let parts = Parts { run, ..parts(policy, vec![collector(receiver)], schedule, place) };
    Pipeline::start_checked_by(engine(Policy::standard()), parts).unwrap()
}

/// Writes events and spans into a pipeline as the telemetry layer does.
struct Writing(Pipeline, Mutex<Ports>);

impl<S: Subscriber> Layer<S> for Writing {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Writing(pipeline, ports) = self;
        if pipeline.sink().is_open() {
            write(pipeline, &mut lock(ports), event);
        }
    }
}

/// Writes an event, whether the pipeline is open or not.
fn write(pipeline: &Pipeline, ports: &mut Ports, event: &Event<'_>) {
    let (plans, engine) = (pipeline.plans(), pipeline.engine());
    let plan = plans.plan(event.metadata(), |_| Origin::Admitted).unwrap();
    let (shape, plan_id) = (Shape::Event, plan.id());
    let header = Header { shape, plan: plan_id, start: 0, end: 0, trace_id: 0, span_id: 0, parent_id: 0 };
    let mut scratch = Scratch::default();
    let mut visitor = PrivacyVisitor::record(&engine, plan, &mut scratch, &header);
    event.record(&mut visitor);
    let clean = visitor.finish().unwrap();
    if let Err(loss) = pipeline.sink().put(ports, clean) {
        pipeline.sink().lose(loss, 1);
    }
}

/// A flush on a thread of its own.
fn flushing(pipeline: &Pipeline) -> std::thread::JoinHandle<Result<(), Unfinished>> {
    let pipeline = pipeline.clone();
    std::thread::spawn(move || pipeline.flush(LONG))
}

fn log(pipeline: &Pipeline, events: impl FnOnce()) {
    let writing = Writing(pipeline.clone(), Mutex::default());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(writing), events);
}

#[test]
fn when_records_were_sent_is_noted_no_finer_than_their_own_times() {
    for (unit, noted) in [(None, "2026-11-21T12:34:56Z"), (Some(TimeUnit::Week), "2026-11-16T00:00:00Z")] {
        let (receiver, pad) = (Receiver::scripted([Behaviour::Ok, Behaviour::Status(400)]), Scratchpad::new());
        let policy = unit.into_iter().fold(Policy::standard(), Policy::times);
        let parts = parts(policy, vec![collector(&receiver)], Schedule::Manual, pad.place());
        let clock = Clock::manual("2026-11-21T12:34:56Z");
        let pipeline = Pipeline::start(Parts { clock, ..parts }).unwrap();
        for _ in 0..2 {
            log(&pipeline, || tracing::info!("sent, or refused"));
            let _ = pipeline.flush(LONG);
        }
        let listed = Store::open(&pad.0, Limits::default()).unwrap().list(9).unwrap();
        let at = noted.parse::<Timestamp>().unwrap().nanos() / 1_000_000_000;
        let noted: Vec<_> = listed.iter().map(|row| (row.state, row.sent_at)).collect();
        assert_eq!(noted, [(State::Rejected, Some(at)), (State::Sent, Some(at))]);
    }
}

#[test]
fn what_the_filter_missed_is_found_before_it_leaves_and_deleted() {
    let scratchpad = Scratchpad::new();
    for (schedule, place) in [
        (Schedule::Live, scratchpad.place()),
        // Nothing is handed over: all rows come from the store.
        (Schedule::Manual, scratchpad.place()),
        (Schedule::Live, Place::memory()),
        (Schedule::Manual, Place::memory()),
    ] {
        let receiver = Receiver::start();
        let pipeline = blind(&receiver, schedule, place.clone());
        log(&pipeline, || {
            tracing::info!("control one");
            tracing::info!("by {CANARY}");
            tracing::info!(note = CANARY, "a field");
            tracing::info!("control two");
        });
        assert_eq!(pipeline.flush(LONG), Ok(()), "{:?}", pipeline.notes());
        let bodies: Vec<_> = receiver.logs().iter().filter_map(|log| log.body.clone()).collect();
        assert_eq!(bodies, ["control one", "control two"], "{schedule:?} {place:?}");
        let requests = receiver.requests();
        let holds =
            |text: &str| requests.iter().any(|request| request.raw.windows(text.len()).any(|w| w == text.as_bytes()));
        assert!(holds("control one") && !holds(CANARY), "{schedule:?} {place:?}");
        let counts = pipeline.counts();
        assert_eq!((counts.produced(), counts.sent(), counts.dropped()), (4, 2, 2), "{counts}");
        assert_eq!(counts.lost(Loss::Defect), 2);
        assert!(counts.to_string().contains("a defect"), "{counts}");
        assert!(pipeline.notes().iter().any(|note| note.contains("failed the check before sending")));
        assert!(
            place.newest(100).unwrap().iter().all(|row| !row.contains(CANARY)),
            "what was found is not kept either"
        );
        assert_eq!(place.newest(100).unwrap().iter().filter(|row| row.contains("control")).count(), 2);
        pipeline.clear().unwrap();
        let _ = pipeline.shutdown(LONG);
    }
}

#[test]
fn a_panic_over_one_batch_costs_no_other_one() {
    use crate::pipeline::load::Step;

    for (schedule, step, loss) in [
        (Schedule::Live, Step::Verify, Loss::Defect),
        (Schedule::Live, Step::Resource, Loss::Defect),
        (Schedule::Live, Step::Seal, Loss::Rejected),
        // From the store.
        (Schedule::Manual, Step::Readmit, Loss::NotReadmitted),
        (Schedule::Manual, Step::Verify, Loss::Defect),
        (Schedule::Manual, Step::Seal, Loss::Rejected),
    ] {
        let (receiver, scratchpad) = (Receiver::start(), Scratchpad::new());
        let pipeline = blind(&receiver, schedule, scratchpad.place());
        *lock(&pipeline.0.shared.breaks) = Some(step);
        for body in ["breaks it", "goes on", "and on"] {
            log(&pipeline, || tracing::info!("{body}"));
            assert_eq!(pipeline.flush(LONG), Ok(()), "{step:?}: {:?}", pipeline.notes());
            let counts = pipeline.counts();
            assert_eq!((counts.lost(loss), counts.dropped(), counts.pending()), (1, 1, 0), "{step:?}: {counts}");
        }
        let bodies: Vec<_> = receiver.logs().into_iter().filter_map(|log| log.body).collect();
        assert_eq!(bodies, ["goes on", "and on"], "{schedule:?} {step:?}");
        let counts = pipeline.counts();
        assert_eq!((counts.sent(), counts.stored()), (2, 0), "{step:?}: nothing is left behind: {counts}");
        assert!(!pipeline.notes().is_empty() || step == Step::Readmit, "{step:?}");
    }
}

#[test]
fn a_panic_of_a_try_costs_that_try_alone() {
    use crate::pipeline::load::Step;

    for step in [Step::Prepare, Step::Send] {
        let (receiver, scratchpad) = (Receiver::start(), Scratchpad::new());
        let pipeline = blind(&receiver, Schedule::Manual, scratchpad.place());
        *lock(&pipeline.0.shared.breaks) = Some(step);
        for body in ["breaks it", "goes on"] {
            log(&pipeline, || tracing::info!("{body}"));
            assert_eq!(pipeline.flush(LONG), Ok(()), "{step:?}: {:?}", pipeline.notes());
        }
        let bodies: Vec<_> = receiver.logs().into_iter().filter_map(|log| log.body).collect();
        let counts = pipeline.counts();
        assert_eq!(
            (bodies.join(", ").as_str(), counts.uploads_failed()),
            ("breaks it, goes on", 1),
            "{step:?}: {counts}"
        );
    }
}

#[test]
fn of_a_resource_that_fails_the_check_nothing_leaves() {
    let receiver = Receiver::start();
    let scratchpad = Scratchpad::new();
    let policy = Policy::standard();
    let blind = engine(policy.clone().scanner(Scanner::standard().without(Kind::Email)));
    let raw = [("owner".to_owned(), CANARY.to_owned())];
    let parts = Parts {
        resource: Resource::clean(&blind, crate::privacy::Source::Application, raw),
        engine: blind,
        ..parts(policy, vec![collector(&receiver)], Schedule::Live, scratchpad.place())
    };
    let pipeline = Pipeline::start_checked_by(engine(Policy::standard()), parts).unwrap();
    log(&pipeline, || tracing::info!("control"));
    assert_eq!(pipeline.flush(LONG), Ok(()));
    assert_eq!((receiver.requests().len(), pipeline.counts().lost(Loss::Defect)), (0, 1));
}

#[test]
fn what_was_cleared_after_it_was_handed_over_is_not_sent() {
    let receiver = Receiver::start();
    let scratchpad = Scratchpad::new();
    let pipeline = blind(&receiver, Schedule::Live, scratchpad.place());
    log(&pipeline, || tracing::info!("before"));
    assert_eq!(pipeline.store(LONG), Ok(()));
    // Erased behind the pipeline's back, as another process does it.
    assert_eq!(scratchpad.place().clear(0).unwrap().rows, 1);
    log(&pipeline, || tracing::info!("after"));
    assert_eq!(pipeline.flush(LONG), Ok(()));
    assert_eq!(receiver.logs().iter().filter_map(|log| log.body.clone()).collect::<Vec<_>>(), ["after"]);
}

#[test]
fn records_go_out_under_what_described_the_application_when_they_were_swept() {
    let receiver = Receiver::start();
    let scratchpad = Scratchpad::new();
    let engine = engine(Policy::standard());
    let session = {
        let engine = Arc::clone(&engine);
        move |name: &str| {
            let raw = [("session.id".to_owned(), name.to_owned())];
            Resource::clean(&engine, crate::privacy::Source::Crate, raw)
        }
    };
    let is_next_day = Arc::new(AtomicBool::new(false));
    let parts = Parts {
        resource: session("old"),
        engine,
        upkeep: Box::new({
            let is_next_day = Arc::clone(&is_next_day);
            move || Kept {
                resource: is_next_day.swap(false, Ordering::SeqCst).then(|| session("new")),
                ..Kept::default()
            }
        }),
        ..parts(Policy::standard(), vec![collector(&receiver)], Schedule::Live, scratchpad.place())
    };
    let pipeline = Pipeline::start(parts).unwrap();
    log(&pipeline, || tracing::info!("before"));
    assert_eq!(pipeline.store(LONG), Ok(()));
    is_next_day.store(true, Ordering::SeqCst);
    log(&pipeline, || tracing::info!("after"));
    assert_eq!(pipeline.flush(LONG), Ok(()));
    let sent = receiver.logs().into_iter().map(|log| (log.body.unwrap(), format!("{:?}", log.resource["session.id"])));
    let sent: Vec<(String, String)> = sent.collect();
    let under = |body: &str, id: &str| sent.iter().any(|(of, session)| of == body && session.contains(id));
    assert!(sent.len() == 2 && under("before", "old") && under("after", "new"), "{sent:?}");
}
