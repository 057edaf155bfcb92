//! Promise: whatever the code of a value does while it is formatted, the host does not suffer: no panic, no deadlock, no
//! wait for anybody but the caller, no memory without bounds; and every record is accounted for.
//!
//! All of it runs under a global default subscriber, as in a real host: a scoped one guards against re-entrancy, which
//! would hide deadlocks. What might hang runs on a thread that is given up after a while.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicIsize, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use support::{LONG, Record, TempDir, callsite, event, on, only, records, settle, span};
use tracing::field::{Empty, Field, Visit};
use tracing::metadata::Kind;
use tracing::{Event, Span, Subscriber};
use tracing_privacy::{Counts, Loss, Memory, Telemetry};
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

/// More than formatting anything here takes, less than a test run.
const STUCK: Duration = Duration::from_secs(20);

struct Host {
    telemetry: Telemetry,
    memory: Memory,
    _directory: TempDir,
}

/// The one host of this process; one test at a time, so that counters can be compared.
fn host() -> (&'static Host, MutexGuard<'static, ()>) {
    static ALONE: Mutex<()> = Mutex::new(());
    static HOST: OnceLock<Host> = OnceLock::new();
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let host = HOST.get_or_init(|| {
        let (telemetry, memory, directory) = on("hostile");
        tracing_subscriber::registry().with(Sibling).with(telemetry.layer()).init();
        Host { telemetry, memory, _directory: directory }
    });
    settle(&host.telemetry);
    (host, alone)
}

impl Host {
    fn counts(&self) -> Counts {
        *self.telemetry.status().counts()
    }

    /// Runs `work` on a thread of its own; the records that came of it.
    fn after(&self, work: impl FnOnce() + Send + 'static) -> Vec<Record> {
        // The memory drops its oldest rows when it is full, so rows are told apart by what came before.
        let before = self.memory.rows();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            work();
            let _ = tell.send(());
        });
        if told.recv_timeout(STUCK) == Err(mpsc::RecvTimeoutError::Timeout) {
            panic!("deadlock: the host's thread does not come back");
        }
        assert!(thread.join().is_ok(), "the value's panic reached the host");
        settle(&self.telemetry);
        let rows = self.memory.rows();
        rows.iter().filter(|row| !before.contains(row)).map(|row| Record::parse(row.as_str())).collect()
    }
}

/// A layer beside ours that formats one field, while the event is on its way to us.
struct Sibling;

impl<S: Subscriber + for<'lookup> LookupSpan<'lookup>> Layer<S> for Sibling {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        struct Formats;
        impl Visit for Formats {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                if field.name() == "for_siblings" {
                    let _ = format!("{value:?}");
                }
            }
        }
        event.record(&mut Formats);
    }
}

/// A value that does something when it is formatted.
struct Does<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Debug for Does<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Does<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> std::error::Error for Does<F> {}

fn does<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result>(what: F) -> Does<F> {
    Does(what)
}

fn panics() -> Does<impl Fn(&mut fmt::Formatter<'_>) -> fmt::Result + 'static> {
    does(|f: &mut fmt::Formatter<'_>| {
        f.write_str("half of it")?;
        panic!("the value of canary-payload panics")
    })
}

// ---- panics -------------------------------------------------------------------------------------------------------

#[test]
fn a_value_that_panics_costs_its_field_and_nothing_else() {
    let (host, _alone) = host();
    let records = host.after(|| {
        tracing::info!(first = 1_u64, bad = ?panics(), worse = %panics(), last = 2_u64, "in an event");
        let error = panics();
        tracing::info!(cause = &error as &(dyn std::error::Error + 'static), user_id = ?panics(), plan = "pro", "as an error");
        let span = tracing::info_span!("in a span", bad = ?panics(), plan = "pro", late = Empty);
        span.record("late", tracing::field::debug(panics()));
        tracing::info!("the text {} itself", panics());
        tracing::info_span!("as a name", otel.name = %panics(), otel.kind = ?panics());
    });
    let in_event = event(&records, "in an event");
    assert_eq!((in_event.attributes(), in_event.dropped_attributes()), (vec!["first", "last"], 2), "{in_event:?}");
    let as_error = event(&records, "as an error");
    assert_eq!((as_error.attributes(), as_error.dropped_attributes()), (vec!["plan"], 2), "{as_error:?}");
    let in_span = span(&records, "in a span");
    assert_eq!((in_span.attributes(), in_span.dropped_attributes()), (vec!["plan"], 2), "{in_span:?}");
    assert_eq!(span(&records, "as a name").dropped_attributes(), 2);
    assert_eq!(records.len(), 5);
    for canary in ["canary-payload", "half of it"] {
        assert!(!records.iter().any(|record| record.contains(canary)), "{records:#?}");
    }
}

#[test]
fn a_thread_that_panics_with_open_spans_closes_them() {
    struct LogsWhenDropped;
    impl Drop for LogsWhenDropped {
        fn drop(&mut self) {
            tracing::info!(bad = ?panics(), plan = "pro", "while unwinding");
        }
    }

    let (host, _alone) = host();
    let records = host.after(|| {
        let thread = std::thread::spawn(|| {
            let _outer = tracing::info_span!("outer").entered();
            let _inner = tracing::info_span!("inner").entered();
            let _logs = LogsWhenDropped;
            panic!("the host's own canary-payload");
        });
        assert!(thread.join().is_err(), "the host's panic is the host's");
        tracing::info!("life goes on");
    });
    let (outer, inner) = (span(&records, "outer"), span(&records, "inner"));
    assert_eq!(inner.parent_id(), outer.span_id());
    let unwinding = event(&records, "while unwinding");
    assert_eq!((unwinding.span_id(), unwinding.attributes()), (inner.span_id(), vec!["plan"]));
    assert_eq!(event(&records, "life goes on").trace_id(), None);
    assert!(!records.iter().any(|record| record.contains("canary-payload")), "{records:#?}");
}

// ---- re-entrancy --------------------------------------------------------------------------------------------------

#[test]
fn a_value_that_logs_gives_its_own_records_and_spoils_none() {
    let (host, _alone) = host();
    let records = host.after(|| {
        let logs = does(|f| {
            tracing::info!(depth = 2_u64, "nested event");
            tracing::info_span!("nested span", plan = "basic").in_scope(|| tracing::warn!("in the nested span"));
            tracing::info!(target: "elsewhere", "nested, of somebody else");
            f.write_str("said")
        });
        let _around = tracing::info_span!("around").entered();
        tracing::info!(first = 1_u64, value = ?logs, last = "end", "outer event");
        let span = tracing::info_span!("outer span", first = 1_u64, value = %logs, last = "end", late = Empty);
        span.record("late", tracing::field::debug(&logs));
    });
    let outer = event(&records, "outer event");
    assert_eq!(outer.attributes(), ["first", "last", "value"], "{outer:?}");
    assert_eq!((outer.attribute("value"), outer.attribute("last")), (&"said".into(), &"end".into()));
    let outer_span = span(&records, "outer span");
    assert_eq!(outer_span.attributes(), ["first", "last", "late", "value"], "{outer_span:?}");
    let around = span(&records, "around");
    assert_eq!((outer.span_id(), outer_span.parent_id()), (around.span_id(), around.span_id()));
    let nested: Vec<_> = records.iter().filter(|record| record.name() == "nested span").collect();
    assert_eq!(nested.len(), 3);
    for nested in nested {
        assert_eq!((nested.parent_id(), nested.attributes()), (around.span_id(), vec!["plan"]));
        let inside =
            |record: &Record| record.body() == Some("in the nested span") && record.span_id() == nested.span_id();
        only(&records, inside);
    }
    assert_eq!(records.iter().filter(|record| record.body() == Some("nested event")).count(), 3);
    assert_eq!(records.len(), 3 + 3 * 3, "{records:#?}");
}

#[test]
fn values_that_log_values_that_log_are_all_heard() {
    struct Nested(u64);
    impl fmt::Debug for Nested {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            if self.0 > 0 {
                tracing::info!(value = ?Nested(self.0 - 1), level_down = self.0, "deeper");
            }
            write!(f, "level {}", self.0)
        }
    }

    let (host, _alone) = host();
    let records = host.after(|| tracing::info!(value = ?Nested(20), "surface"));
    assert_eq!(records.len(), 21);
    assert_eq!(event(&records, "surface").attribute("value"), "level 20");
    for level in 1..=20_u64 {
        let deeper = only(&records, |record| *record.attribute("level_down") == level);
        assert_eq!(deeper.attribute("value"), &format!("level {}", level - 1));
    }
}

#[test]
fn a_value_may_use_the_current_span_and_its_extensions() {
    #[derive(Debug)]
    struct Mark;

    fn touches_the_span(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = Span::current();
        current.record("late", "by a value");
        current.follows_from(current.id());
        tracing::dispatcher::get_default(|dispatch| {
            let registry = dispatch.downcast_ref::<Registry>().expect("the host has a registry");
            if let Some(span) = current.id().and_then(|id| registry.span(&id)) {
                span.extensions_mut().replace(Mark);
                assert!(span.extensions().get::<Mark>().is_some());
            }
        });
        drop(tracing::info_span!(parent: &current, "child").entered());
        f.write_str("done")
    }

    let (host, _alone) = host();
    let records = host.after(|| {
        let span = tracing::info_span!("current", late = Empty, other = Empty).entered();
        tracing::info!(value = ?does(touches_the_span), "event");
        span.record("other", tracing::field::debug(does(touches_the_span)));
        let _next = tracing::info_span!("next", value = ?does(touches_the_span));
    });
    let current = span(&records, "current");
    assert_eq!((current.attribute("late"), current.attribute("other")), (&"by a value".into(), &"done".into()));
    for record in [event(&records, "event"), span(&records, "next")] {
        assert_eq!(record.attribute("value"), "done");
    }
    let children = records.iter().filter(|record| record.name() == "child" && record.parent_id() == current.span_id());
    assert_eq!(children.count(), 3);
}

#[test]
fn a_value_may_close_the_span_it_is_recorded_on() {
    let (host, _alone) = host();
    let records = host.after(|| {
        let span = tracing::info_span!("closed meanwhile", late = Empty, plan = "pro");
        let held = Mutex::new(Some(span.clone()));
        let closes = does(|f| {
            drop(held.lock().expect("nobody panicked").take());
            f.write_str("closed")
        });
        span.record("late", tracing::field::debug(&closes));
        drop(span);
        tracing::info!("after");
    });
    assert_eq!(span(&records, "closed meanwhile").attribute("late"), "closed");
    event(&records, "after");
}

/// `tracing-subscriber` mixes up what a filter decided when an event is logged while another one is on its way
/// (tokio-rs/tracing#2704): it then shows us what we had refused. It may also withhold the nested event, which a layer
/// can do nothing about, so that is not asked for here.
#[test]
fn a_value_that_logs_for_a_sibling_lets_nothing_in_that_was_turned_away() {
    let (host, _alone) = host();
    let records = host.after(|| {
        let ours = does(|f| {
            tracing::info!("nested, ours");
            f.write_str("said")
        });
        let theirs = does(|f| {
            tracing::info!(target: "elsewhere", "nested, theirs");
            f.write_str("said")
        });
        tracing::info!(target: "elsewhere", for_siblings = ?ours, "turned away");
        tracing::debug!(for_siblings = ?ours, "too detailed");
        tracing::info!(for_siblings = ?theirs, "let in");
    });
    event(&records, "let in");
    let strangers = records.iter().filter(|record| !matches!(record.body(), Some("let in" | "nested, ours")));
    assert_eq!(strangers.count(), 0, "{records:#?}");
}

// ---- time and size ------------------------------------------------------------------------------------------------

#[test]
fn a_value_that_blocks_delays_its_own_caller_alone() {
    let (host, _alone) = host();
    let (release, blocked) = mpsc::channel::<()>();
    let (told, inside) = mpsc::channel();
    let caller = std::thread::spawn(move || {
        let (told, blocked) = (Mutex::new(told), Mutex::new(blocked));
        let blocks = does(|f| {
            told.lock().expect("nobody panicked").send(()).expect("the test is there");
            let _ = blocked.lock().expect("nobody panicked").recv();
            f.write_str("released")
        });
        let _span = tracing::info_span!("of the blocked one", value = ?blocks).entered();
    });
    inside.recv_timeout(STUCK).expect("the value is being formatted");
    let before = host.counts();
    let (tell, told) = mpsc::channel();
    let other = std::thread::spawn(move || {
        for number in 0..1_000_u64 {
            let start = Instant::now();
            tracing::info!(number, "beside the blocked one");
            let _ = tell.send(start.elapsed());
        }
    });
    // Whoever waited for the blocked one would wait for as long as this test does.
    let took: Vec<_> = std::iter::from_fn(|| told.recv_timeout(STUCK).ok()).collect();
    assert_eq!(took.len(), 1_000, "they wait for the blocked one");
    other.join().expect("nothing panics");
    // The machine may have other things to do now and then, but not at each event.
    let slow = took.iter().filter(|took| **took > Duration::from_millis(100)).count();
    println!("the longest of 1,000 events beside a blocked one took {:?}", took.iter().max());
    assert!(slow < 20, "{slow} of 1,000 events took more than 100 ms");
    settle(&host.telemetry);
    assert_eq!(host.counts().stored() + host.counts().dropped() - before.stored() - before.dropped(), 1_000);
    release.send(()).expect("the caller waits");
    caller.join().expect("nothing panics");
    settle(&host.telemetry);
    assert_eq!(span(&records(&host.memory), "of the blocked one").attribute("value"), "released");
}

#[test]
fn a_value_that_prints_a_gigabyte_is_stopped_early() {
    const GIGABYTE: u64 = 1 << 30;
    static PRINTED: AtomicU64 = AtomicU64::new(0);

    fn gives_up(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        while PRINTED.load(Ordering::Relaxed) < GIGABYTE {
            f.write_str("sixteen bytes...")?;
            PRINTED.fetch_add(16, Ordering::Relaxed);
        }
        Ok(())
    }

    fn goes_on(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mebibyte = "m".repeat(1 << 20);
        for _ in 0..1024 {
            let _ = f.write_str(&mebibyte);
        }
        Ok(())
    }

    let (host, _alone) = host();
    let start = Instant::now();
    let records = host.after(|| {
        tracing::info!(value = ?does(gives_up), plan = "pro", "huge");
        tracing::info!(value = ?does(goes_on), plan = "pro", "stubborn");
        tracing::info_span!("huge span", value = %does(gives_up), plan = "pro");
        tracing::info!("{}", does(gives_up));
    });
    println!("four gigabytes took {:?}, {} bytes were taken", start.elapsed(), PRINTED.load(Ordering::Relaxed));
    assert!(PRINTED.load(Ordering::Relaxed) < 64 * 1024);
    for record in [event(&records, "huge"), event(&records, "stubborn"), span(&records, "huge span")] {
        let kept = record.attribute("value").as_str().expect("its beginning is kept");
        assert!((1..=1024).contains(&kept.len()), "{}", kept.len());
        assert_eq!(record.attribute("plan"), "pro");
    }
    assert_eq!(records.len(), 4);
}

#[test]
fn a_long_text_is_cut_between_characters() {
    let (host, _alone) = host();
    let records = host.after(|| {
        for (shift, character) in [(0, "é"), (1, "é"), (0, "日"), (1, "日"), (2, "日"), (1, "🦀"), (3, "🦀")] {
            let text = "x".repeat(shift) + &character.repeat(1 << 20);
            tracing::info!(text_of = text, shown = %text, shift, character, "long");
            tracing::info!("{text}");
        }
    });
    let long: Vec<_> = records.iter().filter(|record| record.body() == Some("long")).collect();
    assert_eq!((long.len(), records.len()), (7, 14));
    for record in long {
        let character = record.attribute("character").as_str().expect("it is kept");
        for key in ["text_of", "shown"] {
            let kept = record.attribute(key).as_str().expect("its beginning is kept");
            assert!(kept.len() <= 1024 && kept.len() > 1024 - character.len(), "{} of {character}", kept.len());
            assert!(kept.trim_start_matches('x').chars().all(|c| character.starts_with(c)), "{kept}");
        }
    }
}

#[test]
fn a_callsite_of_a_few_fields_too_many_keeps_as_many_as_it_may() {
    let (host, _alone) = host();
    let counts = [63, 64, 65, 70];
    let records = host.after(move || {
        for count in counts {
            let names: Vec<&'static str> = (0..count).map(|number| &*format!("field_{number}").leak()).collect();
            let names: &'static [&'static str] = names.leak();
            let values: [&dyn tracing::Value; 4] = [&7_u64, &true, &"a text", &1.5];
            let values: Vec<_> = (0..count).map(|number| Some(values[number % values.len()])).collect();
            let event = callsite("event", names, Kind::EVENT);
            Event::dispatch(event, &event.fields().value_set_all(&values));
            let span = callsite("span", names, Kind::SPAN);
            drop(Span::new(span, &span.fields().value_set_all(&values)));
        }
    });
    let kept = records.iter().map(|record| (record.attributes().len(), record.dropped_attributes()));
    let mut kept: Vec<_> = kept.collect();
    kept.sort();
    assert_eq!(kept, [(63, 0), (63, 0), (64, 0), (64, 0), (64, 1), (64, 1), (64, 6), (64, 6)]);
}

#[test]
fn a_callsite_of_a_hundred_thousand_fields_costs_a_moment() {
    const FIELDS: usize = 100_000;
    let (host, _alone) = host();
    let names: Vec<&'static str> = (0..FIELDS).map(|number| &*format!("field_{number}").leak()).collect();
    let names: &'static [&'static str] = names.leak();
    let started = Instant::now();
    let (tell, told) = mpsc::channel();
    let records = host.after(move || {
        let value: &dyn tracing::Value = &7_u64;
        let values = vec![Some(value); FIELDS];
        for shape in ["event", "span", "late"] {
            let metadata = callsite("many", names, if shape == "event" { Kind::EVENT } else { Kind::SPAN });
            let start = Instant::now();
            let fields = metadata.fields();
            match shape {
                "event" => Event::dispatch(metadata, &fields.value_set_all(&values)),
                "span" => drop(Span::new(metadata, &fields.value_set_all(&values))),
                _ => {
                    let span = Span::new(metadata, &fields.value_set(&[]));
                    for field in fields {
                        let one: [(&Field, Option<&dyn tracing::Value>); 1] = [(&field, Some(value))];
                        span.record_all(&fields.value_set(&one));
                    }
                }
            }
            let _ = tell.send((shape, start.elapsed()));
        }
    });
    for (shape, took) in told {
        println!("100,000 fields, {shape}: {took:?}");
        // What is promised is 50 ms of the caller's time for one call, which is measured elsewhere; a machine that has other
        // things to do is given more, and whoever looks at each field for each field needs minutes. The late ones are 100,000
        // calls.
        assert!(shape == "late" || took < Duration::from_secs(5), "{shape} took {took:?}");
    }
    assert_eq!(records.len(), 3, "{}", host.telemetry.status());
    for record in &records {
        let (kept, dropped) = (record.attributes().len(), record.dropped_attributes());
        assert!(kept <= 64, "{kept} fields in a record");
        assert_eq!(kept as u64 + dropped, FIELDS as u64, "every field is accounted for");
    }
    assert!(started.elapsed() < LONG);
}

#[test]
fn spans_nested_too_deep_are_counted_and_their_events_are_kept() {
    const DEPTH: u64 = 20_000;
    let (host, _alone) = host();
    let before = host.counts();
    // Each costs the same, however deep: if one had to look for the nearest that is recorded, this would take minutes.
    let records = host.after(|| {
        let spans: Vec<_> = (0..DEPTH).map(|depth| tracing::info_span!("nested", depth).entered()).collect();
        tracing::error!("at the bottom");
        let follower = tracing::info_span!(parent: None, "follower");
        follower.follows_from(Span::current());
        spans.into_iter().rev().for_each(drop);
    });
    let spans: Vec<_> = records.iter().filter(|record| record.name() == "nested").collect();
    assert_eq!(spans.len(), 128);
    assert_eq!(host.counts().lost(Loss::TooDeep) - before.lost(Loss::TooDeep), DEPTH - 128);
    assert_eq!(host.counts().produced() - before.produced(), DEPTH + 2);
    let deepest = only(&records, |record| *record.attribute("depth") == 127);
    assert_eq!(
        event(&records, "at the bottom").span_id(),
        deepest.span_id(),
        "it belongs to the deepest that is known"
    );
    assert_eq!(deepest.json()["status"], "error", "{deepest:?}");
    assert_eq!(span(&records, "follower").json()["links"][0]["span_id"], *deepest.span_id().expect("it is a span"));
    assert_eq!(deepest.trace_id(), only(&records, |record| *record.attribute("depth") == 0).trace_id());
}

#[test]
fn what_names_a_span_that_was_turned_away_as_its_parent_is_in_the_nearest_that_was_not() {
    let (host, _alone) = host();
    let records = host.after(|| {
        let own = tracing::info_span!("own");
        let foreign = tracing::info_span!(target: "sqlx", parent: &own, "query");
        let deeper = tracing::info_span!(target: "sqlx", parent: &foreign, "row");
        tracing::info!(parent: &deeper, "by name");
        own.in_scope(|| deeper.in_scope(|| tracing::info!("by place")));
        drop(tracing::info_span!(parent: &deeper, "in foreign"));
    });
    let own = span(&records, "own");
    for body in ["by name", "by place"] {
        let event = event(&records, body);
        assert_eq!((event.span_id(), event.trace_id()), (own.span_id(), own.trace_id()), "{event:?}");
    }
    assert_eq!(span(&records, "in foreign").parent_id(), own.span_id());
}

// ---- threads that come and go -------------------------------------------------------------------------------------

/// Logs, and closes a span, when its thread's locals are dropped. (A span cannot be opened there: the registry itself
/// panics.)
struct LogsAtTheEnd(&'static str, Cell<Option<Span>>);

impl Drop for LogsAtTheEnd {
    fn drop(&mut self) {
        tracing::info!(at = self.0, "in a destructor");
        self.1.take();
    }
}

thread_local! {
    static EARLIER: LogsAtTheEnd = const { LogsAtTheEnd("earlier", Cell::new(None)) };
    static LATER: LogsAtTheEnd = const { LogsAtTheEnd("later", Cell::new(None)) };
}

#[test]
fn an_event_in_a_thread_local_destructor_is_kept_or_counted() {
    const THREADS: u64 = 20;
    let (host, _alone) = host();
    let before = host.counts();
    host.after(|| {
        for _ in 0..THREADS {
            let thread = std::thread::spawn(|| {
                // Destructors run against the order of first use: one after our own locals are gone, one before.
                EARLIER.with(|_| {});
                tracing::info!("alive");
                EARLIER.with(|at_the_end| at_the_end.1.set(Some(tracing::info_span!("closed in a destructor"))));
                LATER.with(|at_the_end| at_the_end.1.set(Some(tracing::info_span!("closed in a destructor"))));
            });
            assert!(thread.join().is_ok(), "a destructor panicked");
        }
    });
    let counts = host.counts();
    let lost = counts.lost(Loss::ThreadExit) - before.lost(Loss::ThreadExit);
    assert_eq!(counts.produced() - before.produced(), THREADS * 5, "{counts}");
    assert_eq!(
        counts.stored() + counts.lost(Loss::StoreFull) - before.stored() - before.lost(Loss::StoreFull) + lost,
        THREADS * 5
    );
    println!("{lost} of {} records in destructors were lost", THREADS * 4);
    assert!(lost < THREADS * 4, "those that come before our own locals are gone are kept");
}

#[test]
fn a_field_recorded_when_the_thread_is_gone_is_counted_by_its_span_and_the_span_once() {
    struct RecordsAtTheEnd(Cell<Option<Span>>);
    impl Drop for RecordsAtTheEnd {
        fn drop(&mut self) {
            let span = self.0.take().expect("it was set");
            span.record("earlier", 2).record("late", 3);
        }
    }
    thread_local! {
        static RECORDS: RecordsAtTheEnd = const { RecordsAtTheEnd(Cell::new(None)) };
    }
    let (host, _alone) = host();
    let before = host.counts();
    let records = host.after(|| {
        let held = tracing::info_span!("outlives a thread", earlier = 1, late = Empty);
        let recorder = held.clone();
        let thread = std::thread::spawn(|| {
            // Used before our own locals are, it is dropped after them.
            RECORDS.with(|at_the_end| at_the_end.0.set(Some(recorder)));
            tracing::info!("alive");
        });
        assert!(thread.join().is_ok(), "a destructor panicked");
        drop(held);
    });
    assert_eq!(host.counts().produced() - before.produced(), 2, "{}", host.counts());
    let span = span(&records, "outlives a thread");
    assert_eq!((span.attribute("earlier").as_u64(), span.dropped_attributes()), (Some(1), 2));
}

#[test]
fn every_record_of_threads_that_come_and_go_is_accounted_for() {
    const THREADS: u64 = 500;
    let (host, _alone) = host();
    let before = host.counts();
    let records = host.after(|| {
        for group in 0..THREADS / 10 {
            let threads: Vec<_> = (0..10)
                .map(|number| {
                    std::thread::spawn(move || (0..10_u64).for_each(|_| tracing::info!(group, number, "short-lived")))
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().expect("nothing panics"));
        }
    });
    let counts = host.counts();
    assert_eq!(counts.produced() - before.produced(), THREADS * 10, "{counts}");
    assert_eq!(counts.dropped(), before.dropped(), "{counts}");
    assert_eq!(counts.stored() - before.stored(), THREADS * 10, "{counts}");
    assert_eq!(records.len() as u64, THREADS * 10);
}

#[test]
fn threads_that_are_gone_leave_no_buffers_behind() {
    // A slot and a buffer of 16 KiB for each thread that lives, not for each that ever lived.
    let (host, _alone) = host();
    let churn = || {
        for _ in 0..20 {
            let threads: Vec<_> = (0..50).map(|_| std::thread::spawn(|| tracing::info!("one word"))).collect();
            threads.into_iter().for_each(|thread| thread.join().expect("nothing panics"));
            settle(&host.telemetry);
        }
        Live::bytes()
    };
    // What grows to its limit once, such as the memory of this test, does so now.
    for _ in 0..10 {
        churn();
    }
    let before = churn();
    let after = churn();
    assert!(after < before + (4 << 20), "1,000 threads left {} KiB", (after - before) >> 10);
}

#[test]
fn values_that_log_leave_no_buffers_behind() {
    struct Logs(u8);
    impl fmt::Display for Logs {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self.0.checked_sub(1) {
                Some(rest) => tracing::info!(value = %Logs(rest), "nested"),
                None => tracing::info!("innermost"),
            }
            f.write_str("said")
        }
    }

    let (host, _alone) = host();
    let work = |depth, times| {
        let before = host.counts().produced();
        let most = (0..times).map(|_| {
            tracing::info!(value = %Logs(depth), "outer");
            Live::bytes()
        });
        let most = most.max();
        settle(&host.telemetry);
        assert_eq!(host.counts().produced() - before, times * u64::from(depth + 2));
        most.unwrap_or_default()
    };
    // Without more records than the store of this host takes.
    for (depth, times) in [(0, 400), (9, 60)] {
        work(depth, times);
        let before = Live::bytes();
        let more = work(depth, times) - before;
        assert!(more < 3 << 20, "{} KiB at depth {depth}", more >> 10);
    }
}

/// Counts the bytes that the program holds.
struct Live;

static BYTES: AtomicIsize = AtomicIsize::new(0);

impl Live {
    fn bytes() -> isize {
        BYTES.load(Ordering::Relaxed)
    }
}

#[global_allocator]
static ALLOCATOR: Live = Live;

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Live {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size().cast_signed(), Ordering::Relaxed);
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size().cast_signed(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[test]
fn a_value_that_is_shared_by_many_threads_is_formatted_by_all_of_them() {
    let (host, _alone) = host();
    let records = host.after(|| {
        let lock = Arc::new(Mutex::new(0_u64));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let lock = Arc::clone(&lock);
                std::thread::spawn(move || {
                    // Formatting takes the host's lock, and so does logging under it: their order must not matter.
                    let counts = does(|f| {
                        let mut count = lock.lock().unwrap_or_else(PoisonError::into_inner);
                        *count += 1;
                        write!(f, "{count}")
                    });
                    for _ in 0..50 {
                        tracing::info!(value = ?counts, "counted");
                        let _held = lock.lock().unwrap_or_else(PoisonError::into_inner);
                        tracing::info!("under the lock");
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("nothing panics"));
    });
    let mut seen: Vec<u64> =
        records.iter().filter_map(|record| record.attribute("value").as_str()?.parse().ok()).collect();
    seen.sort_unstable();
    assert_eq!(seen, (1..=400).collect::<Vec<_>>());
}
