//! What a layer and its gate share: the settings, the open spans, and the pipeline once there is one.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use tracing::Metadata;

use super::gate::{Events, Scope};
use super::local::{self, Local};
use super::span::OpenSpans;
use crate::app::Clock;
use crate::pipeline::{Loss, Pipeline, Sink, is_muted};
use crate::privacy::{Engine, Plan, Plans, Unplanned};

/// What the layer and its gate share.
pub(crate) struct Core {
    pub(super) scope: Scope,
    pub(super) events: Events,
    pub(super) running: OnceLock<Running>,
    /// The process that the pipeline runs in: a forked child of the one that made the layer, where it is started there.
    process: Arc<AtomicU32>,
    /// The open spans of each layer.
    spans: Mutex<Vec<Weak<OpenSpans>>>,
}

/// The pipeline's parts that callbacks need, at hand.
pub(super) struct Running {
    pub(super) sink: Sink,
    pub(super) engine: Arc<Engine>,
    plans: Arc<Plans>,
    clock: Clock,
    /// Keeps the worker going as long as there is a layer.
    pipeline: Pipeline,
}

impl Core {
    pub(crate) fn new(scope: Scope, events: Events) -> Self {
        Core { scope, events, running: OnceLock::new(), process: Arc::default(), spans: Mutex::default() }
    }

    /// From now on, records go into this pipeline.
    pub(crate) fn run(&self, pipeline: Pipeline) {
        let running = Running {
            sink: pipeline.sink(),
            engine: pipeline.engine(),
            plans: pipeline.plans(),
            clock: pipeline.clock(),
            pipeline,
        };
        if self.running.get().is_none() {
            self.process.store(std::process::id(), Ordering::Relaxed);
        }
        // A second pipeline is never started.
        let _ = self.running.set(running);
    }

    /// Events in spans that are open: they leave when these close.
    pub(crate) fn events_in_open_spans(&self) -> u64 {
        self.open_spans().iter().map(|spans| spans.events()).sum()
    }

    /// Forgets the spans that are open when the pipeline has ended. Their events are lost for this reason.
    pub(crate) fn end(&self, loss: Loss) {
        let Some(running) = self.running.get() else { return };
        for spans in self.open_spans() {
            let events = spans.clear();
            if self.events == Events::SpanEvents {
                running.sink.lose(loss, events);
            }
        }
    }

    /// Where a new layer keeps its open spans.
    pub(super) fn spans_of_a_layer(&self) -> Arc<OpenSpans> {
        let spans = Arc::new(OpenSpans::new(Arc::clone(&self.process)));
        // A forked child may have inherited the lock from a thread that it does not have.
        if self.running.get().is_none_or(|running| running.sink.is_home()) {
            let mut known = lock(&self.spans);
            known.retain(|spans| spans.strong_count() > 0);
            known.push(Arc::downgrade(&spans));
        }
        spans
    }

    /// The open spans of all layers. A forked child, in which the lock may be held for ever, has none.
    fn open_spans(&self) -> Vec<Arc<OpenSpans>> {
        match self.running.get().is_some_and(|running| running.sink.is_home()) {
            true => lock(&self.spans).iter().filter_map(Weak::upgrade).collect(),
            false => Vec::new(),
        }
    }

    /// The pipeline, while it takes records.
    #[inline]
    pub(super) fn open(&self) -> Option<&Running> {
        self.running.get().filter(|running| running.sink.is_open())
    }

    /// The same, unless this thread is one of its own: nothing begins there.
    #[inline]
    pub(super) fn running(&self) -> Option<&Running> {
        self.open().filter(|_| !is_muted())
    }

    #[inline]
    pub(super) fn plan<'a>(
        &self,
        running: &'a Running,
        metadata: &'static Metadata<'static>,
    ) -> Result<&'a Plan, Unplanned> {
        running.plans.plan(metadata, |metadata| self.scope.origin(metadata)).map(|plan| &**plan)
    }
}

impl Running {
    /// The plan of a callsite, if one was made.
    pub(super) fn known_plan(&self, metadata: &Metadata<'_>) -> Option<&Plan> {
        self.plans.find(metadata).map(|plan| &**plan)
    }

    /// Whether the pipeline ended because consent did.
    pub(super) fn is_withdrawn(&self) -> bool {
        self.pipeline.is_withdrawn()
    }

    #[inline]
    pub(super) fn now(&self) -> u64 {
        self.clock.now().0
    }

    /// Runs `write` with the thread's buffers; counts a record that cannot be written.
    #[inline]
    pub(super) fn with_local(&self, write: impl FnOnce(&mut Local) -> Result<(), Loss>) {
        if let Err(loss) = local::with(write).unwrap_or_else(Err) {
            self.sink.lose(loss, 1);
        }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("running", &self.running.get().is_some()).finish_non_exhaustive()
    }
}

/// Locks a mutex under which nothing panics, so that a poisoned one is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
