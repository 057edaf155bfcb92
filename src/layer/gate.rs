//! Which callsites are let in: the application's own crates, and what it names beside them.

use std::fmt;
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Filter};

use super::Core;
use crate::app::App;
use crate::privacy::Origin;

/// The filter in front of a [`TelemetryLayer`](super::TelemetryLayer): it says no for this layer alone.
pub struct Gate(Arc<Core>);

impl Gate {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Gate(core)
    }
}

impl<S> Filter<S> for Gate {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        let Some(running) = self.0.running() else { return false };
        let plan = running.known_plan(metadata);
        match plan.map_or_else(|| self.0.scope.origin(metadata), |plan| plan.origin) {
            Origin::Admitted | Origin::LogBridge => true,
            Origin::TurnedAway | Origin::Undeclared => {
                if let Some(plan) = plan.filter(|_| !only_asks(metadata)) {
                    plan.turn_away();
                }
                false
            }
            Origin::Never => false,
        }
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let Some(running) = self.0.running.get().filter(|running| running.sink.is_open()) else {
            return Interest::never();
        };
        // One without a plan is let in all the same, to be counted as lost.
        match self.0.plan(running, metadata).map_or_else(|_| self.0.scope.origin(metadata), |plan| plan.origin) {
            Origin::Admitted | Origin::LogBridge => Interest::always(),
            // Asked each time, so that they are counted.
            Origin::TurnedAway | Origin::Undeclared => Interest::sometimes(),
            Origin::Never => Interest::never(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.scope.most_verbose())
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

/// Whose records are collected, and how detailed.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    app: App,
    level: LevelFilter,
    targets: Targets,
    log_records: LogRecords,
}

/// Whether records of the `log` crate, bridged into `tracing`, are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogRecords {
    Ignored,
    Collected,
}

/// Where events go that happen inside a span that is recorded. Outside of spans they are log records always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Events {
    /// Each is a log record with the ids of its trace and span. The default.
    #[default]
    Logs,
    /// They are part of their span's record, which leaves when the span closes: up to 128, as far as its 16 KiB go, and as
    /// far as the 2 MiB go that events in open spans may take together. When that runs short, no span gets more of it
    /// than is left for the others. What there is no room for is counted: in the span, and in the status by reason.
    ///
    /// Of spans that are still open when the program ends nothing leaves, nor of what happened in them. The
    /// status counts records, and of fields those of records: what was dropped of an event stands in the event.
    SpanEvents,
    /// Both.
    Both,
}

/// Whether a callsite is one of `tracing::enabled!` and its like, from which no record ever comes.
fn only_asks(metadata: &Metadata<'_>) -> bool {
    // Metadata does not tell; the macro gives them this name.
    metadata.name().starts_with("enabled ")
}

/// Whether an event that a bridge made of a record of the `log` crate is let in by the target that the record names. No rule
/// of a policy has a say in that, so it is asked before any is applied.
pub(super) fn admits_log(scope: &Scope, event: &Event<'_>) -> bool {
    struct ByTarget<'a> {
        scope: &'a Scope,
        level: Level,
        is_admitted: Option<bool>,
    }

    impl Visit for ByTarget<'_> {
        fn record_str(&mut self, field: &Field, value: &str) {
            if field.name() == "log.target" {
                self.is_admitted = Some(self.scope.admits_log(Some(value), self.level));
            }
        }

        // The bridge gives a text. Other values are not even printed.
        fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
    }

    let level = *event.metadata().level();
    let mut visitor = ByTarget { scope, level, is_admitted: None };
    event.record(&mut visitor);
    visitor.is_admitted.unwrap_or_else(|| scope.admits_log(None, level))
}

/// A target filter that cannot be read.
#[derive(Debug)]
pub(crate) struct ScopeError(String);

/// Crates that are never collected: they could only speak of our own doings.
const OURS: &[&str] = &[
    "tracing_privacy",
    "opentelemetry",
    "opentelemetry_http",
    "opentelemetry_otlp",
    "opentelemetry_proto",
    "opentelemetry_sdk",
    "opentelemetry-http",
    "opentelemetry-otlp",
    "opentelemetry-sdk",
];

impl Scope {
    pub(crate) fn new(
        app: App,
        level: LevelFilter,
        targets: &[String],
        log_records: LogRecords,
    ) -> Result<Self, ScopeError> {
        let targets = targets.join(",");
        match targets.trim().is_empty() {
            true => Ok(Scope { app, level, targets: Targets::new(), log_records }),
            false => match targets.parse() {
                Ok(targets) => Ok(Scope { app, level, targets, log_records }),
                Err(error) => Err(ScopeError(format!("`{targets}` is not a target filter: {error}"))),
            },
        }
    }

    /// Where a callsite's records come from.
    pub(super) fn origin(&self, metadata: &Metadata<'_>) -> Origin {
        let (target, level) = (metadata.target(), metadata.level());
        if target == "log" && metadata.fields().field("log.target").is_some() {
            return match self.log_records {
                LogRecords::Collected if *level <= self.most_verbose() => Origin::LogBridge,
                LogRecords::Ignored if *level <= self.level => Origin::TurnedAway,
                _ => Origin::Never,
            };
        }
        match self.admits(target, level) {
            true => Origin::Admitted,
            false if is_ours(target) || *level > self.level || self.app.owns_target(target) => Origin::Never,
            false => Origin::TurnedAway,
        }
    }

    /// Whether a bridged `log` record is let in.
    pub(super) fn admits_log(&self, target: Option<&str>, level: Level) -> bool {
        target.is_some_and(|target| self.admits(target, &level))
    }

    fn admits(&self, target: &str, level: &Level) -> bool {
        let own = self.app.owns_target(target) && *level <= self.level;
        !is_ours(target) && (own || self.targets.would_enable(target, level))
    }

    fn most_verbose(&self) -> LevelFilter {
        let targets = self.targets.iter().map(|(_, level)| level).chain(self.targets.default_level());
        targets.fold(self.level, Ord::max)
    }
}

fn is_ours(target: &str) -> bool {
    target.split("::").next().is_some_and(|name| OURS.contains(&name))
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScopeError {}
