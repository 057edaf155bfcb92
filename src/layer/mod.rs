//! The `tracing` callbacks: what an application adds to its registry.
//!
//! Nothing here waits, and nothing runs the application's code while a lock is held: values are visited into a buffer of
//! the thread's own, and only clean bytes go further.

mod gate;
mod local;
mod shared;
mod span;

use std::fmt;
use std::sync::Arc;

use tracing::dispatcher::get_default;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Registry, SpanRef};

pub use gate::{Events, Gate};
pub(crate) use gate::{LogRecords, Scope};
pub(crate) use shared::Core;

use crate::pipeline::Loss;
use crate::privacy::format::{Header, Shape};
use crate::privacy::{Clean, Held, Origin, Plan, PrivacyVisitor, Room, Unplanned};
use shared::Running;
use span::{OpenSpan, OpenSpans, SpanContext};

/// The layer that turns spans and events into telemetry. Made by [`Telemetry::layer`](crate::Telemetry::layer).
///
/// A span inside one of another crate that was turned away is in the nearest around that which was not; an event in the nearest
/// of those entered around it. An event that names such a span by `parent:` is treated as a span is, under the global default
/// subscriber; under a scoped one it is in no span.
///
/// What becomes of a field is decided for the callsite that declares it: a value of another callsite, as a value set that is put
/// together by hand may bring it, is left out and counted.
pub struct TelemetryLayer {
    core: Arc<Core>,
    spans: Arc<OpenSpans>,
}

impl TelemetryLayer {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        TelemetryLayer { spans: core.spans_of_a_layer(), core }
    }

    /// The nearest span that is recorded, from this one on outwards.
    #[cold]
    fn nearest<S>(&self, span: SpanRef<'_, S>) -> Option<(Id, SpanContext)>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let recorded = |id: Id| self.spans.context(&id).map(|context| (id, context));
        // What is too deep to be recorded knows where it is: so this never goes far.
        span.scope().find_map(|span| recorded(span.id()).or_else(|| recorded(self.spans.nearest(&span.id())?)))
    }
}

impl TelemetryLayer {
    /// The nearest span that is recorded around one that was turned away and is named as a parent. The layer's
    /// context does not show such a span, nor what is around it; the registry does, where it is the global default's.
    #[cold]
    fn around_turned_away(&self, id: &Id) -> Option<(Id, SpanContext)> {
        get_default(|default| {
            // Under another registry the same id is another span's.
            default.downcast_ref::<Self>().filter(|layer| std::ptr::eq(*layer, self))?;
            self.nearest(default.downcast_ref::<Registry>()?.span(id)?)
        })
    }
}

/// What does not depend on the subscriber: compiled once, here, and not in every application.
impl TelemetryLayer {
    /// The pipeline and the plan for fields of a span, if these are to be recorded.
    fn span_plan(&self, metadata: &'static Metadata<'static>) -> Option<(&Running, &Plan)> {
        let running = self.core.running()?;
        let plan = self.core.plan(running, metadata).ok()?;
        (plan.origin == Origin::Admitted).then_some((running, plan))
    }

    /// The plan of a new span, if it is to be recorded.
    #[inline(always)]
    fn new_span_plan<'a>(&self, running: &'a Running, metadata: &'static Metadata<'static>) -> Option<&'a Plan> {
        match self.core.plan(running, metadata) {
            Ok(plan) => (plan.origin == Origin::Admitted).then_some(plan),
            Err(why) => self.lose_unplanned(running, metadata, None, why),
        }
    }

    /// The plan of an event, if it is to be recorded.
    #[inline(always)]
    fn event_plan<'a>(&self, running: &'a Running, event: &Event<'_>) -> Option<&'a Plan> {
        match self.core.plan(running, event.metadata()) {
            Ok(plan) => (plan.origin == Origin::Admitted || self.admits_odd(plan, event)).then_some(plan),
            Err(why) => self.lose_unplanned(running, event.metadata(), Some(event), why),
        }
    }

    /// The span around a span or an event, or else the nearest around that which is recorded.
    #[inline]
    fn recorded(&self, around: Option<Id>, nearest: Nearest<'_>) -> Option<(Id, SpanContext)> {
        let around = around?;
        match self.spans.context(&around) {
            Some(context) => Some((around, context)),
            None => nearest(),
        }
    }

    /// Counts a record that would be let in, and has no plan by which it could be written.
    #[cold]
    fn lose_unplanned<T>(
        &self,
        running: &Running,
        metadata: &Metadata<'_>,
        event: Option<&Event<'_>>,
        why: Unplanned,
    ) -> Option<T> {
        let is_admitted = match self.core.scope.origin(metadata) {
            Origin::Admitted => true,
            Origin::LogBridge => event.is_some_and(|event| gate::admits_log(&self.core.scope, event)),
            _ => false,
        };
        if is_admitted {
            let loss = match why {
                Unplanned::NoPlace => Loss::TooManyCallsites,
                Unplanned::Forked => Loss::Forked,
                Unplanned::Panic => Loss::Panic,
            };
            running.sink.lose(loss, 1);
        }
        None
    }

    /// Whether an event is let in that is not one of the application's own. Counts it if it is not.
    #[cold]
    fn admits_odd(&self, plan: &Plan, event: &Event<'_>) -> bool {
        let is_admitted = match plan.origin {
            Origin::Admitted => true,
            Origin::LogBridge => gate::admits_log(&self.core.scope, event),
            // The gate was asked about the `log` crate's record, not about the bridge's callsite.
            Origin::TurnedAway | Origin::Undeclared => false,
            Origin::Never => return false,
        };
        if !is_admitted {
            plan.turn_away();
        }
        is_admitted
    }

    fn open(&self, running: &Running, attributes: &Attributes<'_>, id: &Id, around: Option<Id>, nearest: Nearest<'_>) {
        let Some(plan) = self.new_span_plan(running, attributes.metadata()) else { return };
        let parent = self.recorded(around, nearest);
        running.with_local(|local| {
            let start = running.now();
            let rng = local.rng(running.sink.id());
            let context = match &parent {
                Some((around, parent)) => match parent.child(rng.next_u64()) {
                    Some(context) => context,
                    None => {
                        self.spans.skip(id, around.clone());
                        return Err(Loss::TooDeep);
                    }
                },
                None => SpanContext::root(rng),
            };
            let header = Header {
                shape: Shape::Span,
                plan: plan.id(),
                start,
                end: start,
                trace_id: context.trace_id,
                span_id: context.span_id,
                parent_id: parent.as_ref().map_or(0, |(_, parent)| parent.span_id),
            };
            let mut visitor = PrivacyVisitor::record(&running.engine, plan, &mut local.scratch, &header);
            attributes.record(&mut visitor);
            let opened = self.spans.open(id, |span| {
                span.context = context;
                visitor.open(&mut span.record);
            });
            opened.ok_or(Loss::Forked)
        });
    }

    fn amend(&self, (running, plan): (&Running, &Plan), id: &Id, values: &Record<'_>) {
        let amended = local::with(|local| {
            let mut visitor = PrivacyVisitor::later(&running.engine, plan, &mut local.scratch);
            values.record(&mut visitor);
            let later = visitor.into_later(values);
            self.spans.change(id, |span| span.record.amend(later));
        });
        if amended.is_err() {
            // The span itself is still to come, and says what it lacks.
            self.spans.change(id, |span| span.record.lacks(values.len()));
        }
    }

    fn event(&self, running: &Running, event: &Event<'_>, around: Option<Id>, nearest: Nearest<'_>) {
        let Some(plan) = self.event_plan(running, event) else { return };
        if plan.level == Level::ERROR {
            self.fail(around.clone(), nearest);
        }
        running.with_local(|local| {
            let start = running.now();
            let header =
                Header { shape: Shape::Event, plan: plan.id(), start, end: 0, trace_id: 0, span_id: 0, parent_id: 0 };
            let mut visitor = PrivacyVisitor::record(&running.engine, plan, &mut local.scratch, &header);
            event.record(&mut visitor);
            // Only now, so that one look at the span is enough for all that it has to do with its event.
            let left = match &around {
                None => Some(visitor.finish().ok_or(Loss::Finding)?),
                Some(id) => match self.spans.within(id, |span, room| self.place(&mut visitor, span, room)) {
                    Some(left) => left?,
                    None => self.place_in_nearest(&mut visitor, nearest)?,
                },
            };
            left.map_or(Ok(()), |clean| running.sink.put(&mut local.ports, clean))
        });
    }

    /// Finishes an event that happened in this span, and puts it into that where events go there. What is returned is to go
    /// on as a log record.
    #[inline]
    fn place<'a>(
        &self,
        visitor: &'a mut PrivacyVisitor<'_>,
        span: &mut OpenSpan,
        room: &mut Room,
    ) -> Result<Option<Clean<'a>>, Loss> {
        visitor.place(span.context.trace_id, span.context.span_id);
        let clean = visitor.finish().ok_or(Loss::Finding)?;
        match self.core.events {
            Events::Logs => Ok(Some(clean)),
            _ => self.left(clean, span.record.event(clean, room)),
        }
    }

    /// The same in the nearest span that is recorded, if there is one.
    #[cold]
    fn place_in_nearest<'a>(
        &self,
        visitor: &'a mut PrivacyVisitor<'_>,
        nearest: Nearest<'_>,
    ) -> Result<Option<Clean<'a>>, Loss> {
        let around = nearest();
        if let Some((_, context)) = &around {
            visitor.place(context.trace_id, context.span_id);
        }
        let clean = visitor.finish().ok_or(Loss::Finding)?;
        let held = around
            .filter(|_| self.core.events != Events::Logs)
            .and_then(|(id, _)| self.spans.within(&id, |span, room| span.record.event(clean, room)));
        held.map_or(Ok(Some(clean)), |held| self.left(clean, held))
    }

    /// What is left to do with an event of which its span was to keep a copy.
    #[inline]
    fn left<'a>(&self, clean: Clean<'a>, held: Held) -> Result<Option<Clean<'a>>, Loss> {
        match held {
            _ if self.core.events == Events::Both => Ok(Some(clean)),
            Held::Yes => Ok(None),
            Held::SpanIsFull => Err(Loss::SpanFull),
            Held::NoRoom => Err(Loss::OpenSpansFull),
        }
    }

    /// Notes in the span around an event that this was an error.
    #[cold]
    fn fail(&self, around: Option<Id>, nearest: Nearest<'_>) {
        if let Some((id, _)) = self.recorded(around, nearest) {
            self.spans.change(&id, |span| span.record.failed());
        }
    }

    fn close(&self, id: &Id) {
        // On our own threads too: the application may let go of a span there that it opened elsewhere.
        let Some(running) = self.core.open() else { return self.forget(id) };
        let closed = local::with(|local| {
            if !self.spans.take(id, &mut local.closing) {
                return Ok(());
            }
            let put = match local.closing.close(running.now()) {
                Some(clean) => running.sink.put(&mut local.ports, clean),
                None => Err(Loss::Finding),
            };
            local.closing.let_go();
            put.map_err(|loss| (loss, local.closing.events()))
        });
        match closed {
            Ok(Ok(())) => {}
            Ok(Err((loss, events))) => self.lose_span(running, loss, events),
            Err(loss) => {
                // The thread has no locals any more, or a panic came between.
                let events = self.spans.forget(id);
                if events.is_some() || loss == Loss::Panic {
                    self.lose_span(running, loss, events.unwrap_or(0));
                }
            }
        }
    }

    /// Counts a span that is lost, with its events where these are nowhere else.
    #[cold]
    fn lose_span(&self, running: &Running, loss: Loss, events: u32) {
        let events = if self.core.events == Events::SpanEvents { u64::from(events) } else { 0 };
        running.sink.lose(loss, 1 + events);
    }

    /// A span that is over is forgotten, also where nothing is recorded any more. Once nothing will be, its events are lost.
    #[cold]
    fn forget(&self, id: &Id) {
        // Before there was a pipeline there was nothing to record: no lock is taken, of which a forked child might get a copy.
        let Some(running) = self.core.running.get() else { return };
        let forgotten = self.spans.forget(id);
        let Some(events) = forgotten.filter(|_| self.core.events == Events::SpanEvents) else { return };
        if !running.sink.is_open() && running.sink.is_home() {
            let loss = if running.is_withdrawn() { Loss::Withdrawn } else { Loss::Exit };
            running.sink.lose(loss, u64::from(events));
        }
    }
}

impl<S> tracing_subscriber::Layer<S> for TelemetryLayer
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let Some(running) = self.core.running() else { return };
        let around = around(attributes.parent(), attributes.is_contextual(), &ctx);
        self.open(running, attributes, id, around, &|| self.nearest(ctx.span(id)?.parent()?));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        if let Some(planned) = ctx.metadata(id).and_then(|metadata| self.span_plan(metadata)) {
            self.amend(planned, id, values);
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, ctx: Context<'_, S>) {
        if self.core.running().is_none() {
            return;
        }
        if let Some((_, context)) = self.recorded(Some(follows.clone()), &|| self.nearest(ctx.span(follows)?)) {
            self.spans.change(id, |span| span.record.follows(context.trace_id, context.span_id));
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let Some(running) = self.core.running() else { return };
        let around = around(event.parent(), event.is_contextual(), &ctx);
        let nearest = || {
            let span = ctx.event_span(event).and_then(|span| self.nearest(span));
            span.or_else(|| self.around_turned_away(event.parent()?))
        };
        self.event(running, event, around, &nearest);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.close(&id);
    }
}

/// Asks the registry for the nearest span that is recorded. Asked only where the span around is not, which is seldom.
type Nearest<'a> = &'a dyn Fn() -> Option<(Id, SpanContext)>;

/// The id of the span that a span or an event lies in, recorded or not.
#[inline]
fn around<S>(parent: Option<&Id>, is_contextual: bool, ctx: &Context<'_, S>) -> Option<Id>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    if is_contextual { ctx.current_span().id().cloned() } else { parent.cloned() }
}

impl fmt::Debug for TelemetryLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TelemetryLayer")
    }
}
