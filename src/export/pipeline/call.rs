//! A call into somebody else's code, and what follows from how it ended.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};

use opentelemetry_sdk::error::OTelSdkError;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::callee::{Callee, Delivered};
use super::{Cargo, End, LONGEST, SdkExporter};
use crate::export::outcome::Outcome;
use crate::export::text::printable;

/// Characters of an error that are kept.
const LONGEST_MESSAGE: usize = 200;

/// How a call ended that did not panic.
enum Called {
    Delivered(Delivered),
    TimedOut,
    Cancelled,
}

impl SdkExporter {
    /// Hands a batch over once; `None` when it was cut. What blocks instead of waiting cannot be cut, and is waited for here.
    pub(crate) fn send(
        &mut self,
        cargo: &Cargo,
        runtime: &Runtime,
        cancelled: impl Future<Output = ()>,
    ) -> Option<Outcome> {
        let label = &self.destination.label;
        let mut slot = self.destination.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(callee) = slot.as_mut() else {
            return Some(held_back(format!("{label} was shut down by a clone of this telemetry's builder")));
        };
        let is_known = self.told.as_ref() == Some(&cargo.resource);
        let needs_runtime = !self.destination.kind.is_processor();
        let called = catch_unwind(AssertUnwindSafe(|| {
            if !is_known {
                callee.set_resource(&cargo.resource);
            }
            call(&**callee, cargo, needs_runtime.then_some(runtime), cancelled)
        }));
        self.told = called.is_ok().then(|| cargo.resource.clone());
        let Delivered { result, lost } = match called {
            Err(_) => return Some(held_back(format!("{label} panicked"))),
            Ok(Called::Cancelled) => return None,
            Ok(Called::TimedOut) => return Some(retry(format!("{label} was not done in {} s", LONGEST.as_secs()))),
            Ok(Called::Delivered(delivered)) => delivered,
        };
        if lost > 0 {
            self.notes.push(format!("{label} panicked, and lost what it had been given"));
        }
        match result {
            Ok(()) => {}
            // It has taken the records, and nobody can tell whether they would come twice: they are not given again.
            Err(error) if self.destination.kind.is_processor() => {
                self.notes.push(format!("{label} has taken records and could not flush them: {}", shown(&error)));
            }
            Err(error @ OTelSdkError::AlreadyShutdown) => {
                return Some(held_back(format!("{label}: {}", shown(&error))));
            }
            Err(error) => return Some(retry(format!("{label}: {}", shown(&error)))),
        }
        Some(Outcome::Delivered { rejected: lost, message: None })
    }
}

/// Ends a callee. What it panics with on the way is nobody's loss.
pub(super) fn end(callee: Box<dyn Callee>, end: End) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        if let End::ShutDown(timeout) = end {
            let _ = callee.shutdown(timeout);
        }
    }));
    let _ = catch_unwind(AssertUnwindSafe(|| drop(callee)));
}

/// Calls it on a thread that is no part of a runtime, where it may block, as the SDK's own exporters over HTTP do. What waits
/// for input, output or time is then driven by `runtime`.
fn call(callee: &dyn Callee, cargo: &Cargo, runtime: Option<&Runtime>, cancelled: impl Future<Output = ()>) -> Called {
    let mut delivery = pin!(callee.deliver(&cargo.load));
    let Some(runtime) = runtime else {
        // A processor answers at once or blocks.
        return match delivery.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(delivered) => Called::Delivered(delivered),
            Poll::Pending => Called::TimedOut,
        };
    };
    {
        let _entered = runtime.enter();
        if let Poll::Ready(delivered) = delivery.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Called::Delivered(delivered);
        }
    }
    runtime.block_on(async {
        tokio::select! {
            biased;
            () = cancelled => Called::Cancelled,
            delivered = timeout(LONGEST, delivery) => delivered.map_or(Called::TimedOut, Called::Delivered),
        }
    })
}

/// It may work later, and until then nothing else is of use either.
fn held_back(why: String) -> Outcome {
    Outcome::Overloaded { after: None, why: why.into() }
}

fn retry(why: String) -> Outcome {
    Outcome::Retry { after: None, why: why.into() }
}

fn shown(error: &OTelSdkError) -> String {
    printable(&error.to_string(), LONGEST_MESSAGE)
}
