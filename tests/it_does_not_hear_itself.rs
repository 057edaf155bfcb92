//! Promise 4: what the exporter's own stack logs while it sends is not collected, or each upload would make the next. A
//! process of its own, since its threads log to the global default.

#![cfg(feature = "otlp")]

#[path = "support/home.rs"]
mod home;
#[path = "support/receiver.rs"]
mod receiver;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use receiver::Receiver;
use tracing::{Event, Level, Span, Subscriber};
use tracing_privacy::{Schedule, Telemetry};
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;

/// Counts what the HTTP stack says, to show that there was something to hear.
struct Overhears(Arc<AtomicUsize>);

impl<S: Subscriber> tracing_subscriber::Layer<S> for Overhears {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if !event.metadata().target().starts_with("it_does_not") {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn what_its_own_threads_log_is_not_collected() {
    let receiver = Receiver::start();
    let telemetry = Telemetry::builder(tracing_privacy::app!("echo"))
        .environment(home::yes("ECHO", &home::home("echo")))
        .level(Level::TRACE)
        // Everything, as a careless host might say.
        .targets("trace")
        .log_records()
        .otlp(receiver.url())
        .schedule(Schedule::Manual)
        .start()
        .expect("the settings are right");
    let overheard = Arc::new(AtomicUsize::new(0));
    let subscriber = tracing_subscriber::registry().with(telemetry.layer()).with(Overhears(Arc::clone(&overheard)));
    tracing::subscriber::set_global_default(subscriber).expect("it is the first one");
    tracing_log::LogTracer::init().expect("no other logger is there");

    for _ in 0..5 {
        (0..10).for_each(|number| tracing::info!(number, "order placed"));
        telemetry.flush(Duration::from_secs(10)).expect("the server takes everything");
    }
    assert!(overheard.load(Ordering::Relaxed) > 0, "the control: the stack logs something while it sends");
    let counts = *telemetry.status().counts();
    assert_eq!((counts.produced(), counts.sent()), (50, 50), "{counts}");
    assert_eq!(receiver.logs().len(), 50);
}

/// An exporter of the application's, which lets go of a span that was opened elsewhere.
#[derive(Debug)]
struct LetsGo(Arc<Mutex<Option<Span>>>);

impl LogExporter for LetsGo {
    async fn export(&self, _: LogBatch<'_>) -> OTelSdkResult {
        drop(self.0.lock().expect("nobody panicked").take());
        Ok(())
    }
}

#[test]
fn a_span_of_the_application_that_closes_on_one_of_its_threads_is_not_lost() {
    let held = Arc::new(Mutex::new(None));
    let telemetry = Telemetry::builder(tracing_privacy::app!("echo"))
        .environment(home::yes("ECHO", &home::home("echo-closes")))
        .log_exporter(LetsGo(Arc::clone(&held)))
        .schedule(Schedule::Manual)
        .start()
        .expect("the settings are right");
    let subscriber = tracing::Dispatch::new(tracing_subscriber::registry().with(telemetry.layer()));
    tracing::dispatcher::with_default(&subscriber, || {
        *held.lock().expect("nobody panicked") = Some(tracing::info_span!("opened elsewhere"));
        tracing::info!("order placed");
    });
    for _ in 0..2 {
        telemetry.flush(Duration::from_secs(10)).expect("the exporter takes everything");
    }
    assert!(held.lock().expect("nobody panicked").is_none(), "the control: the exporter was asked");
    let counts = *telemetry.status().counts();
    assert_eq!((counts.produced(), counts.dropped()), (2, 0), "{counts}");
}
