//! The `tracing` callbacks: what an application adds to its registry.
//!
//! Nothing here waits, and nothing runs the application's code while a lock is held: values are visited into a buffer of
//! the thread's own, and only clean bytes go further.

mod gate;
mod local;
mod span;

use std::fmt;
use std::sync::{Arc, OnceLock};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

pub use gate::Gate;
pub(crate) use gate::{LogRecords, Scope};

use crate::app::Clock;
use crate::pipeline::{Loss, Pipeline, Sink, is_muted};
use crate::privacy::format::{Header, Shape};
use crate::privacy::{Engine, Origin, Plan, Plans, PrivacyVisitor};
use local::Local;
use span::{Context as TraceContext, SpanState, SpanStates};

/// The layer that turns spans and events into telemetry. Made by [`Telemetry::layer`](crate::Telemetry::layer).
pub struct TelemetryLayer(Arc<Core>);

/// What the layer and its gate share.
pub(crate) struct Core {
    scope: Scope,
    running: OnceLock<Running>,
}

/// The pipeline's parts that callbacks need, at hand.
struct Running {
    sink: Sink,
    engine: Arc<Engine>,
    plans: Arc<Plans>,
    clock: Clock,
    /// Keeps the worker going as long as there is a layer.
    _pipeline: Pipeline,
}

impl Core {
    pub(crate) fn new(scope: Scope) -> Self {
        Core { scope, running: OnceLock::new() }
    }

    /// From now on, records go into this pipeline.
    pub(crate) fn run(&self, pipeline: Pipeline) {
        let running = Running {
            sink: pipeline.sink(),
            engine: pipeline.engine(),
            plans: pipeline.plans(),
            clock: pipeline.clock(),
            _pipeline: pipeline,
        };
        // A second pipeline is never started.
        let _ = self.running.set(running);
    }

    /// The pipeline, while it takes records and this thread is not one of its own.
    #[inline]
    fn running(&self) -> Option<&Running> {
        self.running.get().filter(|running| running.sink.is_open() && !is_muted())
    }

    #[inline]
    fn plan<'a>(&self, running: &'a Running, metadata: &'static Metadata<'static>) -> Option<&'a Arc<Plan>> {
        running.plans.plan(metadata, |metadata| self.scope.origin(metadata))
    }
}

impl Running {
    #[inline]
    fn now(&self) -> u64 {
        self.clock.now().0
    }

    /// Runs `write` with the thread's buffers; counts a record that cannot be written.
    #[inline]
    fn with_local(&self, write: impl FnOnce(&mut Local) -> Result<(), Loss>) {
        if let Err(loss) = local::with(write).unwrap_or_else(Err) {
            self.sink.lose(loss);
        }
    }
}

impl TelemetryLayer {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        TelemetryLayer(core)
    }

    /// The nearest span around `span`, itself included, that is recorded; its place in its trace.
    fn context<'a, S>(&self, running: &Running, span: Option<SpanRef<'a, S>>) -> Option<TraceContext>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let mut next = span;
        while let Some(span) = next {
            if let Some(states) = span.extensions().get::<SpanStates>()
                && let Some(state) = states.of(running.sink.id())
            {
                return Some(state.context());
            }
            next = span.parent();
        }
        None
    }
}

impl<S> tracing_subscriber::Layer<S> for TelemetryLayer
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let Some(running) = self.0.running() else { return };
        let metadata = attributes.metadata();
        let Some(plan) = self.0.plan(running, metadata).filter(|plan| plan.origin == Origin::Admitted) else { return };
        let Some(span) = ctx.span(id) else { return };
        let parent = self.context(running, span.parent());
        running.with_local(|local| {
            let start = running.now();
            let context = match parent {
                Some(parent) => parent.child(local.rng.next_u64()).ok_or(Loss::TooDeep)?,
                None => TraceContext::root(&mut local.rng),
            };
            let mut visitor = PrivacyVisitor::fields(&running.engine, plan, &mut local.scratch);
            attributes.record(&mut visitor);
            let state = SpanState::new(running.sink.id(), plan.id(), context, parent, start, visitor.into_fields());
            SpanStates::insert(&mut span.extensions_mut(), state);
            Ok(())
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        let Some(running) = self.0.running() else { return };
        let Some(span) = ctx.span(id) else { return };
        let Some(plan) = self.0.plan(running, span.metadata()).filter(|plan| plan.origin == Origin::Admitted) else {
            return;
        };
        running.with_local(|local| {
            let mut visitor = PrivacyVisitor::fields(&running.engine, plan, &mut local.scratch);
            values.record(&mut visitor);
            let later = visitor.into_fields();
            span::with_state(&span, running.sink.id(), |state| state.fields.amend(later));
            Ok(())
        });
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, ctx: Context<'_, S>) {
        let Some(running) = self.0.running() else { return };
        let Some(context) = self.context(running, ctx.span(follows)) else { return };
        if let Some(span) = ctx.span(id) {
            span::with_state(&span, running.sink.id(), |state| {
                state.fields.follows(context.trace_id, context.span_id);
            });
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let Some(running) = self.0.running() else { return };
        let metadata = event.metadata();
        let Some(plan) = self.0.plan(running, metadata) else { return };
        match plan.origin {
            Origin::Admitted | Origin::LogBridge => {}
            // The gate was asked about the `log` crate's record, not about the bridge's callsite.
            Origin::TurnedAway => return plan.turn_away(),
            Origin::Never => return,
        }
        let span = ctx.event_span(event);
        if *metadata.level() == Level::ERROR
            && let Some(span) = &span
        {
            span::with_state(span, running.sink.id(), |state| state.fields.failed());
        }
        let context = self.context(running, span);
        running.with_local(|local| {
            let header = Header {
                shape: Shape::Event,
                plan: plan.id(),
                start: running.now(),
                end: 0,
                trace_id: context.map_or(0, |context| context.trace_id),
                span_id: context.map_or(0, |context| context.span_id),
                parent_id: 0,
            };
            let mut visitor = PrivacyVisitor::event(&running.engine, plan, &mut local.scratch, &header);
            event.record(&mut visitor);
            if plan.origin == Origin::LogBridge && !self.0.scope.admits_log(visitor.log_target(), plan.level) {
                plan.turn_away();
                return Ok(());
            }
            let clean = visitor.finish().ok_or(Loss::Finding)?;
            running.sink.put(&mut local.ports, clean);
            Ok(())
        });
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        let Some(running) = self.0.running() else { return };
        let Some(span) = ctx.span(&id) else { return };
        running.with_local(|local| {
            let end = running.now();
            let clean = {
                let extensions = span.extensions();
                let state = extensions.get::<SpanStates>().and_then(|states| states.of(running.sink.id()));
                let Some(state) = state else { return Ok(()) };
                state.fields.close(&state.header(end), &mut local.scratch).ok_or(Loss::Finding)?
            };
            running.sink.put(&mut local.ports, clean);
            Ok(())
        });
    }
}

impl fmt::Debug for TelemetryLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TelemetryLayer")
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("running", &self.running.get().is_some()).finish_non_exhaustive()
    }
}
