//! What is kept of a span while it is open, in the registry's extensions.

use tracing::Subscriber;
use tracing_subscriber::registry::{ExtensionsMut, LookupSpan, SpanRef};

use crate::app::random::IdRng;
use crate::privacy::CleanFields;
use crate::privacy::format::{Header, Shape};

/// Spans nested deeper are not recorded.
const DEPTH: u8 = 128;

/// A span's place in its trace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    depth: u8,
}

impl Context {
    /// A new trace.
    pub(super) fn root(rng: &mut IdRng) -> Self {
        let trace_id = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
        Context { trace_id, span_id: rng.next_u64(), depth: 1 }
    }

    /// A span in this one; none when spans are nested too deep.
    pub(super) fn child(self, span_id: u64) -> Option<Self> {
        (self.depth < DEPTH).then_some(Context { span_id, depth: self.depth + 1, ..self })
    }
}

/// An open span. Everything in it is clean.
#[derive(Debug)]
pub(super) struct SpanState {
    /// The pipeline that it belongs to.
    owner: u64,
    plan: u32,
    context: Context,
    parent_id: u64,
    start: u64,
    pub(super) fields: CleanFields,
}

impl SpanState {
    #[inline]
    pub(super) fn new(
        owner: u64,
        plan: u32,
        context: Context,
        parent: Option<Context>,
        start: u64,
        fields: CleanFields,
    ) -> Self {
        SpanState { owner, plan, context, parent_id: parent.map_or(0, |parent| parent.span_id), start, fields }
    }

    pub(super) fn context(&self) -> Context {
        self.context
    }

    /// The header of the span's record.
    pub(super) fn header(&self, end: u64) -> Header {
        Header {
            shape: Shape::Span,
            plan: self.plan,
            start: self.start,
            end: end.max(self.start),
            trace_id: self.context.trace_id,
            span_id: self.context.span_id,
            parent_id: self.parent_id,
        }
    }
}

/// The states of one span: one for each telemetry layer in the registry, which nearly always is one.
#[derive(Debug)]
pub(super) struct SpanStates {
    first: SpanState,
    others: Vec<SpanState>,
}

impl SpanStates {
    #[inline]
    pub(super) fn insert(extensions: &mut ExtensionsMut<'_>, state: SpanState) {
        match extensions.get_mut::<SpanStates>() {
            Some(states) => states.others.push(state),
            None => drop(extensions.replace(SpanStates { first: state, others: Vec::new() })),
        }
    }

    /// The state that belongs to a pipeline.
    pub(super) fn of(&self, owner: u64) -> Option<&SpanState> {
        if self.first.owner == owner {
            return Some(&self.first);
        }
        self.others.iter().find(|state| state.owner == owner)
    }

    fn of_mut(&mut self, owner: u64) -> Option<&mut SpanState> {
        if self.first.owner == owner {
            return Some(&mut self.first);
        }
        self.others.iter_mut().find(|state| state.owner == owner)
    }
}

/// Changes the span's state, if it is recorded. `change` runs under the extensions' lock: no code of the application's.
pub(super) fn with_state<S>(span: &SpanRef<'_, S>, owner: u64, change: impl FnOnce(&mut SpanState))
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    let mut extensions = span.extensions_mut();
    if let Some(state) = extensions.get_mut::<SpanStates>().and_then(|states| states.of_mut(owner)) {
        change(state);
    }
}
