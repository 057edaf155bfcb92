//! What is lost when something fails: how much, which records, and under which reason.

use super::*;
use crate::pipeline::queue::CHUNK;
use crate::record::Rows;

/// A store that another program keeps for itself until this is dropped: each append fails, for a while.
struct Held(rusqlite::Connection);

impl Held {
    fn of(scratchpad: &Scratchpad) -> Self {
        let other = rusqlite::Connection::open(scratchpad.0.join("telemetry.db")).unwrap();
        other.busy_timeout(LONG).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        Held(other)
    }

    fn let_go(self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

/// A pipeline that sends nothing by itself, with one record in its store.
fn storing(scratchpad: &Scratchpad, upkeep: Upkeep) -> Pipeline {
    let pipeline = local(scratchpad, upkeep);
    log(&pipeline, || tracing::info!("stored"));
    assert_eq!(pipeline.store(LONG), Ok(()));
    pipeline
}

#[test]
fn what_was_in_hand_or_waited_when_the_worker_panicked() {
    let scratchpad = Scratchpad::new();
    let is_broken = Arc::new(AtomicBool::new(false));
    let upkeep: Upkeep = Box::new({
        let is_broken = Arc::clone(&is_broken);
        move || match is_broken.load(Ordering::SeqCst) {
            true => std::panic::resume_unwind(Box::new("the worker breaks")),
            false => Kept::default(),
        }
    });
    let pipeline = storing(&scratchpad, upkeep);
    let held = Held::of(&scratchpad);
    log(&pipeline, || (0..3).for_each(|number| tracing::info!(number, "in hand")));
    assert_eq!(pipeline.store(LONG), Err(Unfinished::Store), "the store is held");
    assert_eq!(pipeline.counts().pending(), 3);
    log(&pipeline, || (0..4).for_each(|number| tracing::info!(number, "waiting")));
    is_broken.store(true, Ordering::SeqCst);
    let flushed = pipeline.flush(LONG);
    held.let_go();
    assert_eq!(flushed, Err(Unfinished::Store), "who waits is told at once, and the truth");
    lost_only(&pipeline, Loss::Panic, 7);
    assert!(pipeline.notes().iter().any(|note| note.contains("a panic of our own")), "{:?}", pipeline.notes());
    // Nothing more is taken, and nobody waits for a worker that is not there.
    log(&pipeline, || tracing::info!("into nothing"));
    assert!(!pipeline.sink().is_open());
    assert_eq!(pipeline.flush(LONG), Err(Unfinished::Store));
    lost_only(&pipeline, Loss::Panic, 7);
    assert_eq!(pipeline.place().newest(100).unwrap().len(), 1);
    assert_eq!(pipeline.shutdown(LONG), Err(Unfinished::Store));
}

#[test]
fn nothing_is_made_on_disk_once_a_withdrawal_has_returned() {
    let scratchpad = Scratchpad::new();
    let (started, to_prepare) = std::sync::mpsc::channel::<Pipeline>();
    let (prepared, early) = std::sync::mpsc::channel();
    let prepare: Prepare = Box::new(move || {
        let pipeline = to_prepare.recv().unwrap();
        let (returns, returned) = std::sync::mpsc::channel();
        let withdrawn = pipeline.clone();
        std::thread::spawn(move || {
            withdrawn.withdraw();
            let _ = returns.send(());
        });
        while !pipeline.is_withdrawn() {
            std::thread::yield_now();
        }
        // As long as this is at work, nobody may be told that nothing more is done.
        prepared.send(returned.recv_timeout(Duration::from_millis(300)).is_ok()).unwrap();
        Ok(())
    });
    let parts = Parts { prepare, ..parts(Policy::standard(), Vec::new(), Schedule::Manual, scratchpad.place()) };
    let pipeline = Pipeline::start(Parts { destination: None, ..parts }).unwrap();
    started.send(pipeline.clone()).unwrap();
    assert_eq!(early.recv_timeout(LONG), Ok(false), "the withdrawal returned first");
    assert_eq!(pipeline.shutdown(LONG), Ok(()));
}

#[test]
fn what_could_not_be_stored_by_the_end() {
    let scratchpad = Scratchpad::new();
    let pipeline = storing(&scratchpad, Box::new(Kept::default));
    let held = Held::of(&scratchpad);
    log(&pipeline, || (0..5).for_each(|number| tracing::info!(number, "too late")));
    assert_eq!(pipeline.shutdown(LONG), Err(Unfinished::Store));
    held.let_go();
    lost_only(&pipeline, Loss::Exit, 5);
}

#[test]
fn what_waited_too_long_for_the_store_and_nothing_that_did_not() {
    let scratchpad = Scratchpad::new();
    let pipeline = storing(&scratchpad, Box::new(Kept::default));
    let held = Held::of(&scratchpad);
    let log = |records: u64| log(&pipeline, || (0..records).for_each(|number| tracing::info!(number, "for long")));
    log(4_000);
    assert_eq!(pipeline.store(LONG), Err(Unfinished::Store));
    assert_eq!((pipeline.counts().pending(), pipeline.counts().dropped()), (4_000, 0), "{}", pipeline.counts());
    let mut logged = 4_001;
    while pipeline.counts().dropped() == 0 {
        log(500);
        logged += 500;
        assert_eq!(pipeline.store(LONG), Err(Unfinished::Store), "what was lost was not stored either");
        assert!(logged < 10_000, "{}", pipeline.counts());
    }
    // Before the store is there again: then the worker stores what waits, whoever looks on.
    let lost = pipeline.counts();
    held.let_go();
    assert_eq!((lost.produced(), lost.stored(), lost.dropped() + lost.pending()), (logged, 1, logged - 1), "{lost}");
    assert!(lost.lost(Loss::StoreFailed) == lost.dropped() && lost.dropped() > 4_000, "{lost}");
    log(10);
    assert_eq!(pipeline.store(LONG), Ok(()), "and then it goes on");
    let counts = pipeline.counts();
    assert_eq!((counts.stored(), counts.dropped()), (11 + lost.pending(), lost.dropped()), "{counts}");
}

#[test]
fn what_was_on_its_way_to_a_store_that_is_gone_for_good() {
    let scratchpad = Scratchpad::new();
    let pipeline = storing(&scratchpad, Box::new(Kept::default));
    std::fs::remove_dir_all(&scratchpad.0).unwrap();
    log(&pipeline, || (0..5).for_each(|number| tracing::info!(number, "on its way")));
    assert_eq!(pipeline.store(LONG), Err(Unfinished::Store), "what was lost was not stored");
    lost_only(&pipeline, Loss::StoreFailed, 5);
    // From now on in memory.
    log(&pipeline, || (0..2).for_each(|number| tracing::info!(number, "later")));
    assert_eq!(pipeline.store(LONG), Ok(()));
    assert!(matches!(pipeline.place(), Place::Memory(_)));
    assert_eq!(pipeline.place().newest(100).unwrap().len(), 2);
}

#[test]
fn a_flush_is_told_of_what_was_lost_before_it_was_asked_for() {
    let scratchpad = Scratchpad::new();
    let pipeline = storing(&scratchpad, Box::new(Kept::default));
    std::fs::remove_dir_all(&scratchpad.0).unwrap();
    log(&pipeline, || tracing::info!("nobody waits for it"));
    // Swept and lost by itself: what the flush asks for has nothing left to store.
    while pipeline.counts().dropped() == 0 {
        std::thread::yield_now();
    }
    assert_eq!(pipeline.store(LONG), Err(Unfinished::Store));
    lost_only(&pipeline, Loss::StoreFailed, 1);
    assert_eq!(pipeline.store(LONG), Ok(()), "it was told once");
    assert_eq!(pipeline.shutdown(LONG), Ok(()));
    assert_eq!(pipeline.store(LONG), Ok(()), "and nothing was lost since");
}

#[test]
fn what_takes_too_many_bytes_for_a_store_that_fails_for_a_while() {
    let scratchpad = Scratchpad::new();
    let pipeline = storing(&scratchpad, Box::new(Kept::default));
    let held = Held::of(&scratchpad);
    let text = "a sentence without anybody's data in it ".repeat(20);
    let mut logged = 1;
    while pipeline.counts().dropped() == 0 {
        log(&pipeline, || (0..200).for_each(|number| tracing::info!(number, text, more = text, last = text)));
        logged += 200;
        assert_eq!(pipeline.store(LONG), Err(Unfinished::Store));
        assert!(logged < 2_000, "far fewer than may wait by their number: {}", pipeline.counts());
    }
    let lost = pipeline.counts();
    held.let_go();
    assert_eq!((lost.produced(), lost.dropped() + lost.pending()), (logged, logged - 1), "{lost}");
    assert_eq!(lost.lost(Loss::StoreFailed), lost.dropped(), "{lost}");
    assert!(lost.dropped() > 600, "and so many may wait: {lost}");
}

/// Puts events into a queue without a worker, and notes which of them found room.
#[derive(Clone)]
struct Putting {
    sink: Sink,
    ports: Arc<Mutex<Ports>>,
    plans: Arc<Plans>,
    engine: Arc<Engine>,
    taken: Arc<Mutex<Vec<Result<(), Loss>>>>,
}

impl<S: Subscriber> Layer<S> for Putting {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let plan = self.plans.plan(event.metadata(), |_| Origin::Admitted).unwrap();
        let header =
            Header { shape: Shape::Event, plan: plan.id(), start: 0, end: 0, trace_id: 0, span_id: 0, parent_id: 0 };
        let mut scratch = Scratch::default();
        let mut visitor = PrivacyVisitor::record(&self.engine, plan, &mut scratch, &header);
        event.record(&mut visitor);
        let put = self.sink.put(&mut lock(&self.ports), visitor.finish().unwrap());
        lock(&self.taken).push(put);
    }
}

#[test]
fn the_newest_where_the_queue_is_full_and_it_holds_no_more_bytes_than_it_may() {
    const LIMIT: usize = 256 * 1024;
    let queue = Arc::new(Queue::new(LIMIT));
    let (plans, engine) = (Arc::new(Plans::new(Policy::standard())), engine(Policy::standard()));
    let putting = Putting {
        sink: Sink(Arc::clone(&queue)),
        ports: Arc::default(),
        plans: Arc::clone(&plans),
        engine,
        taken: Arc::default(),
    };
    let log = |numbers: std::ops::Range<u64>| {
        let subscriber = tracing_subscriber::registry().with(putting.clone());
        let text = "a sentence without anybody's data in it ".repeat(5);
        tracing::subscriber::with_default(subscriber, || numbers.for_each(|number| tracing::info!(number, text)));
        std::mem::take(&mut *lock(&putting.taken))
    };
    // What is in the queue, and how much memory that takes.
    let sweep = || {
        let (mut rows, mut bytes) = (Rows::default(), 0);
        queue.sweep(|chunk| {
            bytes += chunk.capacity();
            let resource = Resource::default();
            let zero = crate::app::Timestamp::from_nanos(0);
            let batch = crate::record::Batch { chunk: &chunk, plans: Some(&plans), resource: &resource, zero };
            batch.records().for_each(|record| rows.push(&record));
        });
        let number = |row: &str| -> u64 {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            row["attributes"]["number"].as_u64().unwrap()
        };
        let mut numbers: Vec<u64> = rows.iter().map(|row| number(row.as_str())).collect();
        numbers.sort_unstable();
        (numbers, bytes)
    };
    for round in 0..2 {
        let taken = log(0..5_000);
        let room = taken.iter().position(Result::is_err).expect("it is bounded") as u64;
        assert!(
            taken[room as usize..].iter().all(|put| *put == Err(Loss::QueueFull)),
            "the newest are refused, all of them"
        );
        let (numbers, bytes) = sweep();
        assert_eq!(numbers, (0..room).collect::<Vec<_>>(), "the oldest are kept, round {round}");
        // The thread's own chunk comes on top.
        assert!(bytes <= LIMIT + CHUNK && bytes > LIMIT - CHUNK, "{bytes}");
    }
    let taken = log(0..10);
    assert!(taken.iter().all(Result::is_ok), "then there is room again");
}
