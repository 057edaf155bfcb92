//! What the queue holds, and what becomes of a record that comes at a bad moment.

use std::sync::mpsc::{Sender, channel};

use super::*;
use crate::pipeline::queue::CHUNK;

/// A pipeline whose worker hangs until the sender is dropped.
fn hanging(scratchpad: &Scratchpad) -> (Pipeline, Sender<()>) {
    let (go_on, hangs) = channel();
    let upkeep: Upkeep = Box::new(move || {
        let _ = hangs.recv();
        Kept::default()
    });
    (local(scratchpad, upkeep), go_on)
}

#[test]
fn threads_that_come_and_go_beside_a_worker_that_hangs_leave_no_more_than_the_queue_may_hold() {
    const THREADS: u64 = 6_000;
    let scratchpad = Scratchpad::new();
    let (pipeline, go_on) = hanging(&scratchpad);
    let note = "word ".repeat(100);
    // Each has ports of its own, as a thread has.
    (0..THREADS).for_each(|_| log(&pipeline, || tracing::info!(note)));
    let held = pipeline.0.shared.queue.held();
    assert!(held <= QUEUE + QUEUE / 4 + CHUNK, "{} KiB", held >> 10);
    drop(go_on);
    assert_eq!(pipeline.store(LONG), Ok(()));
    let counts = pipeline.counts();
    assert_eq!((counts.produced(), counts.pending()), (THREADS, 0), "{counts}");
    assert_eq!(counts.stored() + counts.lost(Loss::QueueFull), THREADS, "{counts}");
    assert!(counts.stored() > 3_000, "{counts}");
}

/// Writes as a thread does that asked whether the pipeline is open before it was closed.
struct Late(Pipeline, Arc<Mutex<Ports>>);

impl<S: Subscriber> Layer<S> for Late {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        write(&self.0, &mut lock(&self.1), event);
    }
}

fn log_late(pipeline: &Pipeline, ports: &Arc<Mutex<Ports>>) {
    let late = Late(pipeline.clone(), Arc::clone(ports));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(late), || tracing::info!("late"));
}

/// A pipeline without a destination, and the ports of a thread that wrote one record to it.
fn with_ports(scratchpad: &Scratchpad) -> (Pipeline, Arc<Mutex<Ports>>) {
    let pipeline = local(scratchpad, Box::new(Kept::default));
    let ports = Arc::default();
    log_late(&pipeline, &ports);
    assert_eq!(pipeline.store(LONG), Ok(()));
    (pipeline, ports)
}

#[test]
fn a_record_that_comes_just_when_the_queue_is_closed_is_counted() {
    let scratchpad = Scratchpad::new();
    let (pipeline, ports) = with_ports(&scratchpad);
    assert_eq!(pipeline.shutdown(LONG), Ok(()));
    log_late(&pipeline, &ports);
    lost_only(&pipeline, Loss::Exit, 1);

    let scratchpad = Scratchpad::new();
    let (pipeline, ports) = with_ports(&scratchpad);
    pipeline.withdraw();
    log_late(&pipeline, &ports);
    lost_only(&pipeline, Loss::Withdrawn, 1);
}

#[test]
fn a_record_that_comes_after_the_last_sweep_is_counted() {
    let scratchpad = Scratchpad::new();
    let (pipeline, ports) = with_ports(&scratchpad);
    assert_eq!(pipeline.shutdown(LONG), Ok(()));
    pipeline.0.shared.queue.seem_open();
    log_late(&pipeline, &ports);
    // One that has no slot yet.
    log_late(&pipeline, &Arc::default());
    assert_eq!(pipeline.0.shared.queue.held(), 0);
    lost_only(&pipeline, Loss::Exit, 2);
}

#[test]
fn a_pause_of_the_worker_is_not_cut_short_by_those_who_call_it() {
    const PAUSE: Duration = Duration::from_millis(100);
    let scratchpad = Scratchpad::new();
    let (pipeline, _ports) = with_ports(&scratchpad);
    let shared = Arc::clone(&pipeline.0.shared);
    let start = Instant::now();
    let worker = std::thread::spawn(move || worker::pause(&shared, PAUSE));
    while !worker.is_finished() {
        worker.thread().unpark();
        std::thread::yield_now();
    }
    assert!(start.elapsed() >= PAUSE);
    // But by its end.
    assert_eq!(pipeline.shutdown(LONG), Ok(()));
    worker::pause(&pipeline.0.shared, Duration::from_secs(3600));
}
