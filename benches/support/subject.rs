//! The programs that are compared: the same registry with different layers on it.

use std::path::Path;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{LogExporter, SdkLoggerProvider};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanExporter};
use tracing::{Dispatch, Subscriber};
use tracing_privacy::{Environment, Events, Memory, Telemetry, app};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::{Layer, prelude::*, registry};

use super::discard::Discard;
use super::home;

/// What stands on the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Nothing.
    Bare,
    /// Our layer while off, which is `None`.
    Off,
    /// A layer of the host's that does nothing.
    Host,
    /// The same, and our layer while off.
    HostOff,
    /// Our layer: standard policy, SQLite store, OTLP.
    Ours,
    /// tracing-opentelemetry and opentelemetry-appender-tracing over the SDK's batch processors.
    Pair,
    /// Ours with events in spans and logs.
    OursBoth,
    /// The pair with events in spans and logs.
    PairBoth,
    /// The pair as it comes: spans with source location, thread, busy and idle time, and events in spans and logs.
    PairAsItComes,
}

/// A subject that runs.
pub(crate) struct Running {
    pub(crate) dispatch: Dispatch,
    engine: Engine,
}

enum Engine {
    None,
    Ours(Box<Telemetry>),
    Pair(Pair),
}

/// The SDK's side, and what its exporters took.
struct Pair {
    spans: SdkTracerProvider,
    logs: SdkLoggerProvider,
    taken: Box<dyn Fn() -> u64>,
}

/// A host's layer that wants everything and does nothing with it.
struct Host;

impl<S: Subscriber> Layer<S> for Host {}

impl Subject {
    pub(crate) const ALL: [Subject; 9] = [
        Subject::Bare,
        Subject::Off,
        Subject::Host,
        Subject::HostOff,
        Subject::Ours,
        Subject::Pair,
        Subject::OursBoth,
        Subject::PairBoth,
        Subject::PairAsItComes,
    ];

    pub(crate) fn name(self) -> &'static str {
        ["bare", "off", "host", "host+off", "ours", "pair", "ours both", "pair both", "default"][self as usize]
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subject| subject.name() == name)
    }

    /// Starts it with this home directory; ours sends to this endpoint, the pair's exporters discard.
    pub(crate) fn start(self, home: &Path, endpoint: &str) -> Running {
        match self {
            Subject::Bare => Running::idle(Dispatch::new(registry())),
            Subject::Off => Running::idle(Dispatch::new(registry().with(off().layer()))),
            Subject::Host => Running::idle(Dispatch::new(registry().with(Host))),
            Subject::HostOff => Running::idle(Dispatch::new(registry().with(Host).with(off().layer()))),
            Subject::Ours => Running::ours(home, endpoint, Events::Logs, None),
            Subject::OursBoth => Running::ours(home, endpoint, Events::Both, None),
            Subject::Pair | Subject::PairBoth => {
                let (spans, logs) = (Discard::default(), Discard::default());
                let events = if self == Subject::Pair { Events::Logs } else { Events::Both };
                Running::pair(spans.clone(), logs.clone(), events, move || spans.taken() + logs.taken())
            }
            Subject::PairAsItComes => {
                let (spans, logs) = (Discard::default(), Discard::default());
                Running::pair_as_it_comes(spans.clone(), logs.clone(), move || spans.taken() + logs.taken())
            }
        }
    }
}

impl Running {
    fn idle(dispatch: Dispatch) -> Self {
        Running { dispatch, engine: Engine::None }
    }

    /// Ours, with its records in `memory` too.
    pub(crate) fn ours(home: &Path, endpoint: &str, events: Events, memory: Option<&Memory>) -> Self {
        let builder =
            Telemetry::builder(app!("bench")).environment(home::yes("BENCH", home)).events(events).otlp(endpoint);
        let telemetry = match memory {
            Some(memory) => builder.memory(memory),
            None => builder,
        }
        .start()
        .expect("the settings are right");
        assert!(telemetry.is_on(), "{}", telemetry.status());
        Running {
            dispatch: Dispatch::new(registry().with(telemetry.layer())),
            engine: Engine::Ours(Box::new(telemetry)),
        }
    }

    /// The pair with these exporters. Spans carry what ours carry: no source location, no thread, no busy and idle times, but
    /// target and level. Everything else is as it comes.
    pub(crate) fn pair(
        spans: impl SpanExporter + 'static,
        logs: impl LogExporter + 'static,
        events: Events,
        taken: impl Fn() -> u64 + 'static,
    ) -> Self {
        let (spans, logs) = providers(spans, logs);
        let in_spans = events != Events::Logs;
        let traces = tracing_opentelemetry::layer()
            .with_tracer(spans.tracer("bench"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(true)
            .with_level(true)
            .with_filter(filter_fn(move |metadata| in_spans || metadata.is_span()));
        let subscriber = registry().with(traces).with(OpenTelemetryTracingBridge::new(&logs));
        let dispatch = Dispatch::new(subscriber);
        Running { dispatch, engine: Engine::Pair(Pair { spans, logs, taken: Box::new(taken) }) }
    }

    /// The pair with these exporters and no settings.
    pub(crate) fn pair_as_it_comes(
        spans: impl SpanExporter + 'static,
        logs: impl LogExporter + 'static,
        taken: impl Fn() -> u64 + 'static,
    ) -> Self {
        let (spans, logs) = providers(spans, logs);
        let traces = tracing_opentelemetry::layer().with_tracer(spans.tracer("bench"));
        let dispatch = Dispatch::new(registry().with(traces).with(OpenTelemetryTracingBridge::new(&logs)));
        Running { dispatch, engine: Engine::Pair(Pair { spans, logs, taken: Box::new(taken) }) }
    }

    /// Waits until everything so far is where it belongs: ours stored and sent, the pair's exported.
    pub(crate) fn flush(&self) {
        match &self.engine {
            Engine::None => {}
            Engine::Ours(telemetry) => {
                if let Err(unfinished) = telemetry.flush(Duration::from_secs(120)) {
                    panic!("{unfinished}\n{}", telemetry.status());
                }
            }
            Engine::Pair(pair) => {
                pair.spans.force_flush().expect("spans are exported");
                pair.logs.force_flush().expect("logs are exported");
            }
        }
    }

    /// Records that were delivered so far: taken by the server on our side, by the exporters on the other.
    pub(crate) fn delivered(&self) -> u64 {
        match &self.engine {
            Engine::None => 0,
            Engine::Ours(telemetry) => telemetry.status().counts().sent(),
            Engine::Pair(pair) => (pair.taken)(),
        }
    }

    /// Checks that so many records were made since the start and that none was lost.
    pub(crate) fn check(&self, records: u64) {
        match &self.engine {
            Engine::None => {}
            Engine::Ours(telemetry) => {
                let status = telemetry.status();
                let counts = status.counts();
                assert_eq!((counts.produced(), counts.dropped()), (records, 0), "{status}");
                assert_eq!(counts.sent(), records, "{status}");
            }
            Engine::Pair(pair) => assert_eq!((pair.taken)(), records, "the pair lost records"),
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.engine, Engine::None)
    }
}

/// The SDK's pipelines with its default batch processors.
fn providers(
    spans: impl SpanExporter + 'static,
    logs: impl LogExporter + 'static,
) -> (SdkTracerProvider, SdkLoggerProvider) {
    let resource = || {
        let version = env!("CARGO_PKG_VERSION");
        Resource::builder_empty()
            .with_attribute(opentelemetry::KeyValue::new("service.name", "bench"))
            .with_attribute(opentelemetry::KeyValue::new("service.version", version))
            .with_attribute(opentelemetry::KeyValue::new("session.id", "0123456789abcdef"))
            .build()
    };
    let spans = SdkTracerProvider::builder().with_resource(resource()).with_batch_exporter(spans).build();
    let logs = SdkLoggerProvider::builder().with_resource(resource()).with_batch_exporter(logs).build();
    (spans, logs)
}

fn off() -> Telemetry {
    let telemetry =
        Telemetry::builder(app!("bench")).environment(Environment::empty()).start().expect("right settings");
    assert!(!telemetry.is_on());
    telemetry
}
