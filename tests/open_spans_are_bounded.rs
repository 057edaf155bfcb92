//! Promise: the host never suffers. What happens in spans that are open takes a bounded total of memory, whatever there is
//! no room for is counted by reason, and so is what is lost with a span.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use support::{Record, alone, on_with, records, settle, span};
use tracing::dispatcher::with_default;
use tracing::{Span, info, info_span};
use tracing_privacy::privacy::Policy;
use tracing_privacy::{Events, Loss, Telemetry};

/// Counts the bytes that are in use.
struct InUse;

static BYTES: AtomicIsize = AtomicIsize::new(0);

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for InUse {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: InUse = InUse;

/// The bytes are those of the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn undisturbed() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const SPANS: usize = 10_000;
const EVENTS: usize = 17;
const KIB: isize = 1024;

fn open() -> Vec<Span> {
    (0..SPANS as u64).map(|number| info_span!("request", number)).collect()
}

/// Closes spans, only so many at a time as the queue takes.
fn close(telemetry: &Telemetry, spans: Vec<Span>) {
    let mut spans = spans.into_iter().peekable();
    while spans.peek().is_some() {
        spans.by_ref().take(300).for_each(drop);
        settle(telemetry);
    }
}

/// Events that a span has, and such that it had no room for.
fn held_and_left_out(record: &Record) -> (usize, usize) {
    let json = record.json();
    let left_out = json["dropped_events"].as_u64().unwrap_or(0);
    (json["events"].as_array().map_or(0, Vec::len), usize::try_from(left_out).unwrap())
}

/// In memory alone there would be no room to count them all.
#[cfg(feature = "store")]
#[test]
fn events_in_ten_thousand_open_spans_take_a_bounded_total_and_none_is_lost_unseen() {
    let _alone = undisturbed();
    // As `EVENTS` of `layer/span.rs`.
    const ROOM: isize = 2 * 1024 * KIB;
    let note = "word ".repeat(180);
    let (telemetry, memory, _directory) = on_with("open-spans", |builder| builder.events(Events::SpanEvents));
    with_default(&alone(&telemetry), || {
        let (before, empty) = {
            let before = BYTES.load(Ordering::Relaxed);
            let spans = open();
            let empty = BYTES.load(Ordering::Relaxed) - before;
            close(&telemetry, spans);
            (telemetry.status().counts().dropped(), empty)
        };
        assert_eq!(before, 0, "{}", telemetry.status());

        let spans = open();
        let start = BYTES.load(Ordering::Relaxed);
        for _ in 0..EVENTS {
            spans.iter().for_each(|span| span.in_scope(|| info!(note)));
        }
        let taken = BYTES.load(Ordering::Relaxed) - start;
        assert!(taken <= ROOM + 256 * KIB, "{} KiB for events, and {} KiB for empty spans", taken / KIB, empty / KIB);
        assert!(taken > ROOM / 2, "only {} KiB for events", taken / KIB);

        let held = usize::try_from(telemetry.status().events_in_open_spans()).unwrap();
        let lost = usize::try_from(telemetry.status().counts().lost(Loss::OpenSpansFull)).unwrap();
        assert_eq!(held + lost, SPANS * EVENTS);
        close(&telemetry, spans);
        let closed: Vec<_> = records(&memory).iter().map(held_and_left_out).filter(|span| *span != (0, 0)).collect();
        assert_eq!(closed.len(), SPANS, "{}", telemetry.status());
        assert_eq!(closed.iter().map(|span| span.0).sum::<usize>(), held);
        assert!(closed.iter().all(|span| span.0 + span.1 == EVENTS));
        assert_eq!(telemetry.status().events_in_open_spans(), 0);

        // What they took is there again.
        info_span!("after").in_scope(|| (0..EVENTS - 2).for_each(|_| info!(note)));
        settle(&telemetry);
        assert_eq!(held_and_left_out(&span(&records(&memory), "after")), (EVENTS - 2, 0));
        assert_eq!(telemetry.status().counts().lost(Loss::OpenSpansFull) as usize, lost);
    });
}

#[test]
fn spans_that_all_want_more_than_there_is_get_as_much_each() {
    let _alone = undisturbed();
    let note = "word ".repeat(40);
    let (telemetry, memory, _directory) = on_with("open-spans-fair", |builder| builder.events(Events::SpanEvents));
    with_default(&alone(&telemetry), || {
        let spans: Vec<_> = (0..1_000_u64).map(|number| info_span!("request", number)).collect();
        for _ in 0..60 {
            spans.iter().for_each(|span| span.in_scope(|| info!(note)));
        }
        close(&telemetry, spans);
    });
    let held: Vec<_> = records(&memory).iter().map(|record| held_and_left_out(record).0).collect();
    assert_eq!(held.len(), 1_000, "{}", telemetry.status());
    let (least, most) = (held.iter().min().unwrap(), held.iter().max().unwrap());
    assert!(*least > 4 && *most < 2 * least, "{least} to {most} of 60 events in a span");
}

#[test]
fn what_a_span_has_no_room_for_is_counted_in_it_and_in_the_books() {
    let _alone = undisturbed();
    for (events, lost) in [(Events::SpanEvents, 72), (Events::Both, 0)] {
        let (telemetry, memory, _directory) = on_with("open-spans-full", |builder| builder.events(events));
        with_default(&alone(&telemetry), || {
            info_span!("many").in_scope(|| (0..200_u64).for_each(|number| info!(number)));
        });
        settle(&telemetry);
        assert_eq!(held_and_left_out(&span(&records(&memory), "many")), (128, 72));
        let status = telemetry.status();
        assert_eq!((status.counts().lost(Loss::SpanFull), status.counts().dropped()), (lost, lost), "{status}");
    }
}

#[test]
fn events_are_counted_that_are_lost_with_a_condemned_span() {
    let _alone = undisturbed();
    for (events, lost, kept) in [(Events::SpanEvents, 4, 0), (Events::Both, 1, 3)] {
        let strict = Policy::strict();
        let (telemetry, _, _directory) = on_with("open-spans-strict", |builder| builder.policy(strict).events(events));
        with_default(&alone(&telemetry), || {
            info_span!("job", note = "mail ann.smith@mail.example")
                .in_scope(|| (0..3_u64).for_each(|step| info!(step)));
        });
        settle(&telemetry);
        let status = telemetry.status();
        assert_eq!((status.counts().lost(Loss::Finding), status.counts().stored()), (lost, kept), "{status}");
    }
}

#[test]
fn events_are_counted_that_are_lost_with_a_span_that_is_still_open() {
    let _alone = undisturbed();
    for (events, lost) in [(Events::SpanEvents, 5), (Events::Both, 0)] {
        let (telemetry, _, _directory) = on_with("open-spans-open", |builder| builder.events(events));
        with_default(&alone(&telemetry), || {
            let open = info_span!("job");
            open.in_scope(|| (0..5_u64).for_each(|step| info!(step)));
            settle(&telemetry);
            assert_eq!(telemetry.status().events_in_open_spans(), 5);
            telemetry.withdraw();
            let status = telemetry.status();
            assert_eq!((status.counts().lost(Loss::Withdrawn), status.events_in_open_spans()), (lost, 0), "{status}");
            drop(open);
        });
        assert_eq!(telemetry.status().counts().dropped(), lost);
    }
}
