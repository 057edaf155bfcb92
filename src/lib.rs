//! Telemetry that users can trust, from one `tracing` layer.
//!
//! Nothing happens until the user has said yes. What is then collected is cleaned before anything keeps it, stored on the
//! user's own machine, where they can look at it, and sent from there to an OpenTelemetry collector, to ClickHouse or to
//! exporters of the application's own, if it names any.
//!
#![cfg_attr(feature = "otlp", doc = "```no_run")]
#![cfg_attr(not(feature = "otlp"), doc = "```ignore")]
//! # struct User { id: u64 }
//! # fn main() -> Result<(), tracing_privacy::Error> {
//! use tracing_subscriber::prelude::*;
//!
//! let telemetry = tracing_privacy::Telemetry::builder(tracing_privacy::app!("acme"))
//!     .otlp("https://telemetry.example.com")       // or leave it out: local only
//!     .start()?;                                   // Err only for a mistake in the code above
//! tracing_subscriber::registry()
//!     .with(tracing_subscriber::fmt::layer())
//!     .with(telemetry.layer())
//!     .init();
//!
//! #[tracing::instrument(fields(user_id = %user.id), skip(user))]
//! fn checkout(user: &User) { tracing::info!(plan = "pro", items = 3, "order placed"); }
//! # checkout(&User { id: 7 });
//! # Ok(())
//! # }
//! ```
//!
//! Run with `ACME_TELEMETRY_ENABLED=true`, this keeps one log record and one span in
//! `~/.local/share/acme/telemetry/telemetry.db`: `plan` and `items` as they are, and in place of `user_id` a
//! `user_id_hash` that tells one user from another and, without the key on that machine, nobody who. Run without it, this creates no file, no thread and no
//! connection, and [`Telemetry::layer`] is `None`.
//!
//! # Consent
//!
//! [`consent::decide`] is one pure function. Any "no" wins: `DO_NOT_TRACK`, `OTEL_SDK_DISABLED`, the application's own
//! variable, the file `~/.acme-no-telemetry`, an administrator's file, a saved answer, a build machine. Then somebody has
//! to have said yes. [`Telemetry::decision`] tells what was looked at and what decided.
//!
//! # Privacy
//!
//! A [`privacy::Policy`] decides about each field by its key, once per callsite: ids of people become keyed pseudonyms, personal
//! data and secrets are dropped, other text is scanned and what is found replaced. The only way from a raw value to a
//! record is the filter, for rows that come back from disk as well. A scanner knows forms, not meanings: it cannot find a
//! name in a sentence. What a program must never tell should not be logged, or be logged under a key that a rule names.
//!
//! # Delivery
//!
//! Records go through a bounded queue to a worker thread, from there into a SQLite file (feature `store`), and from there
//! over OTLP (feature `otlp`), to ClickHouse, or to an exporter of the application's own
//! ([`Builder::span_exporter`]) on a second thread. No server and no disk makes logging wait; what is lost is
//! counted by reason in [`Telemetry::status`]. Environment trouble is never an error and never a panic.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `store` | yes | the durable local store: SQLite, compiled in; without it records wait in memory |
//! | `otlp` | yes | delivery over OTLP/HTTP |
//! | `otlp-grpc` | no | OTLP over gRPC as well, by the same client: it adds HTTP/2 |
//! | `clickhouse` | yes | delivery straight to ClickHouse; with neither of these two nothing leaves but to exporters of the application's own |
//! | `metrics` | no | metrics from events, into ClickHouse or for an exporter of the application's own; uses what the SDK calls experimental |
//! | `zstd` | no | zstd for what is sent to ClickHouse; compiles C |
//!
//! None turns telemetry on.

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
#[cfg_attr(not(feature = "upload"), expect(dead_code, reason = "without a destination nothing is claimed"))]
mod store;
mod telemetry;

#[doc(hidden)]
pub use app::Clock;
pub use app::{App, Environment, Os, Rotation};
pub use export::Memory;
#[cfg(feature = "clickhouse")]
pub use export::clickhouse;
#[cfg(feature = "upload")]
pub use export::{BreakerState, MinTls};
#[cfg(feature = "otlp")]
pub use export::{OtlpProtocol, UnknownProtocol};
pub use layer::{Events, Gate, TelemetryLayer};
pub use pipeline::{Counts, Loss, Unfinished};
#[cfg(feature = "upload")]
pub use pipeline::{Schedule, Tuning};
pub use record::{RecordRef, Row, Severity, Signal, SpanKind, Status as SpanStatus, ValueRef};
pub use telemetry::{Builder, Error, Status, Telemetry};

#[cfg(all(doctest, feature = "otlp"))]
#[doc = include_str!("../README.md")]
struct Readme;
