//! Promise: an application's own exporter or processor may fail, block, hang and panic: it costs the host, the store, other
//! destinations and a withdrawal nothing. No thread of this process runs tokio but the uploader.
#![cfg(feature = "otlp")]

#[path = "support/exporters.rs"]
mod exporters;
mod support;

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exporters::{Custom, Keeper, span_row};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use support::{LONG, TempDir, alone, flush_in_vain, on_with, settle};
use tracing::dispatcher::with_default;
use tracing_privacy::{BreakerState, Builder, Counts, Environment, Schedule, Telemetry, Unfinished, app};

/// Sends only when it is told to.
fn manual(builder: Builder) -> Builder {
    builder.schedule(Schedule::Manual)
}

fn span(telemetry: &Telemetry, name: &str) {
    with_default(&alone(telemetry), || drop(tracing::info_span!("", otel.name = name)));
}

fn balanced(telemetry: &Telemetry) -> Counts {
    let counts = *telemetry.status().counts();
    assert_eq!(counts.produced(), counts.sent() + counts.stored() + counts.dropped() + counts.pending(), "{counts}");
    counts
}

#[test]
fn one_that_fails_gets_the_same_batch_again_and_others_do_not() {
    let got = Arc::new(Mutex::new(Vec::new()));
    let failing = Custom::new({
        let got = Arc::clone(&got);
        move |call, batch: Vec<SpanData>| {
            got.lock().unwrap().push(batch);
            match call {
                0 => Err(OTelSdkError::InternalFailure("the line is\u{1b}[2J down".to_owned())),
                1 => Err(OTelSdkError::Timeout(Duration::from_secs(1))),
                _ => Ok(()),
            }
        }
    });
    let keeper = Keeper::default();
    let (telemetry, _memory, _directory) =
        on_with("pipeline-failing", |builder| manual(builder).span_exporter(failing).span_exporter(keeper.clone()));
    (0..5).for_each(|_| span(&telemetry, "once"));
    settle(&telemetry);
    let (counts, status) = (balanced(&telemetry), telemetry.status());
    assert_eq!((counts.sent(), counts.uploads_failed(), keeper.names().len()), (5, 2, 5), "{status}");
    let got = got.lock().unwrap();
    assert!(got.len() == 3 && got[0] == got[1] && got[1] == got[2] && got[0].len() == 5);
    let note = "sending failed and is tried again: span exporter Custom<{{closure}}>: Operation failed: the line is";
    assert!(status.notes().iter().any(|text| text.starts_with(note) && !text.contains('\u{1b}')), "{status}");
}

#[test]
fn one_that_goes_on_failing_is_left_alone_and_its_records_wait() {
    let failing = Custom::new(|_, _| Err(OTelSdkError::AlreadyShutdown));
    let (calls, keeper) = (Arc::clone(&failing.calls), Keeper::default());
    let (telemetry, _memory, _directory) =
        on_with("pipeline-down", |builder| manual(builder).span_exporter(failing).span_exporter(keeper.clone()));
    for _ in 0..3 {
        span(&telemetry, "waits");
        assert_eq!(telemetry.flush(LONG), Err(Unfinished::Upload));
    }
    let counts = balanced(&telemetry);
    assert_eq!((calls.load(Ordering::SeqCst), counts.sent(), counts.stored()), (1, 0, 3), "{counts}");
    assert_eq!(keeper.names().len(), 3, "each once");
    let states: Vec<_> = telemetry.status().destinations().iter().map(|(_, state)| *state).collect();
    assert_eq!(states, [BreakerState::Open, BreakerState::Closed]);
}

/// What lets an exporter go on that is stuck.
struct Gate {
    calls: Arc<AtomicUsize>,
    entered: Receiver<()>,
    open: Sender<()>,
    /// How often nobody opened it.
    waited_in_vain: Arc<AtomicUsize>,
}

/// An exporter that blocks its thread until it is let go, and says so if nobody did.
fn blocking() -> (impl SpanExporter, Gate) {
    let (enter, entered) = channel();
    let (open, opened) = channel();
    let (opened, waited_in_vain) = (Mutex::new(opened), Arc::new(AtomicUsize::new(0)));
    let exporter = Custom::new({
        let waited_in_vain = Arc::clone(&waited_in_vain);
        move |_, _| {
            enter.send(()).expect("the test waits for it");
            if opened.lock().unwrap().recv_timeout(LONG).is_err() {
                waited_in_vain.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        }
    });
    let calls = Arc::clone(&exporter.calls);
    (exporter, Gate { calls, entered, open, waited_in_vain })
}

#[test]
fn one_that_blocks_holds_up_neither_the_host_nor_the_store_nor_a_deadline() {
    let (exporter, gate) = blocking();
    let (telemetry, memory, _directory) =
        on_with("pipeline-blocking", |builder| manual(builder).span_exporter(exporter));
    span(&telemetry, "first");
    flush_in_vain(&telemetry, Duration::from_millis(200));
    gate.entered.recv_timeout(LONG).expect("it is called");
    // It is stuck now. Logging and storing go on.
    span(&telemetry, "second");
    flush_in_vain(&telemetry, Duration::from_millis(200));
    support::stored(&telemetry, 2);
    assert_eq!((memory.rows().len(), balanced(&telemetry).stored()), (2, 2));
    gate.open.send(()).unwrap();
    gate.open.send(()).unwrap();
    settle(&telemetry);
    assert_eq!((balanced(&telemetry).sent(), gate.waited_in_vain.load(Ordering::SeqCst)), (2, 0));
}

#[test]
fn a_withdrawal_waits_for_nobody_and_nothing_follows_it() {
    let (exporter, gate) = blocking();
    let keeper = Keeper::default();
    let (telemetry, _memory, _directory) =
        on_with("pipeline-withdrawn", |builder| manual(builder).span_exporter(exporter).span_exporter(keeper.clone()));
    (0..3).for_each(|_| span(&telemetry, "too late"));
    flush_in_vain(&telemetry, Duration::from_millis(200));
    gate.entered.recv_timeout(LONG).expect("it is called");
    telemetry.withdraw();
    assert_eq!(gate.waited_in_vain.load(Ordering::SeqCst), 0, "the withdrawal waited");
    gate.open.send(()).unwrap();
    // Its thread has let go of its exporters: nobody else holds them.
    assert!(support::await_that(LONG, || Arc::strong_count(&gate.calls) == 1).is_some());
    span(&telemetry, "later");
    let _ = telemetry.flush(Duration::from_millis(100));
    assert_eq!((gate.calls.load(Ordering::SeqCst), keeper.names().len()), (1, 0));
    assert_eq!(keeper.ends.load(Ordering::SeqCst), 0, "a shutdown may send what was held back");
}

/// An exporter that waits for ever, and tells when it was given up.
#[derive(Debug)]
struct Hanging(Sender<&'static str>);

struct Dropped(Sender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

impl SpanExporter for Hanging {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        let _dropped = Dropped(self.0.clone());
        // It has a runtime, although the process has none.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let _ = self.0.send("waiting");
        pending().await
    }
}

#[test]
fn one_that_waits_for_ever_is_cut_by_a_withdrawal() {
    let (said, heard) = channel();
    let (telemetry, _memory, _directory) =
        on_with("pipeline-hanging", |builder| manual(builder).span_exporter(Hanging(said)));
    span(&telemetry, "cut");
    flush_in_vain(&telemetry, Duration::from_millis(200));
    assert_eq!(heard.recv_timeout(LONG), Ok("waiting"));
    telemetry.withdraw();
    assert_eq!(heard.recv_timeout(LONG), Ok("dropped"));
    assert!(heard.recv_timeout(LONG).is_err(), "and it is not called again");
    assert_eq!(balanced(&telemetry).sent(), 0);
}

#[test]
fn one_that_has_a_runtime_of_its_own_may_block_on_it() {
    let exporter = Custom::new(|_, _| {
        // As reqwest's blocking client does, which the SDK's exporter over HTTP uses.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
        drop(runtime);
        Ok(())
    });
    let (telemetry, _memory, _directory) = on_with("pipeline-own-runtime", |builder| builder.span_exporter(exporter));
    span(&telemetry, "sent");
    settle(&telemetry);
    assert_eq!(balanced(&telemetry).sent(), 1, "{}", telemetry.status());
}

/// A processor that panics at some spans.
#[derive(Debug)]
struct Panicking(Keeper);

impl SpanProcessor for Panicking {
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {
        panic!("there is no live span");
    }

    fn on_end(&self, span: SpanData) {
        assert_ne!(span.name, "bad", "as planned");
        self.0.rows.lock().unwrap().push(span_row(&span, self.0.resource.as_ref().expect("the resource comes first")));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Err(OTelSdkError::InternalFailure("no room".to_owned()))
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        panic!("as planned");
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.resource = Some(resource.clone());
    }
}

#[test]
fn one_that_panics_harms_nobody_else() {
    let exporter = Custom::new(|_, _| panic!("as planned"));
    let (calls, keeper, processed) = (Arc::clone(&exporter.calls), Keeper::default(), Keeper::default());
    let (telemetry, _memory, _directory) = on_with("pipeline-panicking", |builder| {
        manual(builder)
            .span_exporter(exporter)
            .span_processor(Panicking(processed.clone()))
            .span_exporter(keeper.clone())
    });
    for name in ["good", "bad", "good"] {
        span(&telemetry, name);
    }
    assert_eq!(telemetry.flush(LONG), Err(Unfinished::Upload));
    assert_eq!(telemetry.flush(LONG), Err(Unfinished::Upload));
    assert_eq!(keeper.names(), ["good", "bad", "good"]);
    assert_eq!(processed.names(), ["good", "good"], "what it was given it is not given again");
    assert_eq!(calls.load(Ordering::SeqCst), 1, "it is left alone for a minute");
    let status = telemetry.status();
    for said in
        ["Custom<{{closure}}> panicked", "Panicking panicked", "Panicking has taken records and could not flush"]
    {
        assert!(status.notes().iter().any(|note| note.contains(said)), "{said}: {status}");
    }
    assert_eq!(balanced(&telemetry).stored(), 3);
    assert_eq!(telemetry.shutdown(LONG), Err(Unfinished::Upload));
    assert_eq!(keeper.ends.load(Ordering::SeqCst), 1);
}

#[test]
fn it_is_shut_down_once_also_where_it_was_never_used() {
    let (unused, used) = (Keeper::default(), Keeper::default());
    let (telemetry, _memory, _directory) =
        on_with("pipeline-unused", |builder| manual(builder).span_exporter(unused.clone()));
    telemetry.shutdown(LONG).unwrap();
    assert_eq!(unused.ends.load(Ordering::SeqCst), 1);
    let (telemetry, _memory, _directory) = on_with("pipeline-dropped", |builder| builder.span_exporter(used.clone()));
    span(&telemetry, "used");
    settle(&telemetry);
    drop(telemetry);
    assert!(support::await_that(LONG, || used.ends.load(Ordering::SeqCst) == 1).is_some());
    // While telemetry is off nobody hears of it.
    let idle = Keeper::default();
    let directory = TempDir::new("pipeline-off");
    let off = Environment::fixed([("UNRELATED", "1")]).home(directory.path());
    let telemetry = Telemetry::builder(app!("acme")).environment(off).span_exporter(idle.clone()).start().unwrap();
    drop(telemetry);
    assert_eq!(idle.ends.load(Ordering::SeqCst), 0);
    assert!(directory.contents().is_empty());
}
