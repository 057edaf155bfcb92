//! Telemetry that users can trust, from one `tracing` layer.

#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub, missing_debug_implementations)]

mod app;
pub mod consent;
mod export;
mod identity;
mod layer;
mod pipeline;
pub mod privacy;
mod record;
#[cfg(feature = "store")]
mod store;
mod telemetry;

#[doc(hidden)]
pub use app::Clock;
pub use app::{App, Environment, Os};
pub use export::Memory;
#[cfg(feature = "otlp")]
pub use export::MinTls;
pub use layer::{Gate, TelemetryLayer};
#[cfg(feature = "otlp")]
pub use pipeline::Schedule;
pub use pipeline::{Counts, Loss, Unfinished};
pub use record::{RecordRef, Row, Severity, Signal, SpanKind, Status as SpanStatus, ValueRef};
pub use telemetry::{Builder, Error, Status, Telemetry};
