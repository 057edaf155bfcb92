//! Delivery: a batch is sealed once, and the same bytes are sent until somebody has them.

#[cfg(any(feature = "otlp", feature = "clickhouse"))]
mod breaker;
#[cfg(feature = "clickhouse")]
pub mod clickhouse;
#[cfg(any(feature = "otlp", feature = "clickhouse"))]
mod delivery;
#[cfg(any(feature = "otlp", feature = "clickhouse"))]
mod endpoint;
#[cfg(feature = "otlp")]
mod gzip;
#[cfg(any(feature = "otlp", feature = "clickhouse"))]
mod http;
#[cfg(feature = "otlp")]
mod intern;
mod local;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(any(feature = "otlp", feature = "clickhouse"))]
mod outcome;
#[cfg(any(feature = "otlp", feature = "clickhouse"))]
mod retry;
#[cfg(feature = "otlp")]
mod sealed;
mod text;

#[cfg(any(feature = "otlp", feature = "clickhouse"))]
pub use breaker::BreakerState;
#[cfg(any(feature = "otlp", feature = "clickhouse"))]
pub use http::MinTls;
pub(crate) use local::LocalExporter;
pub use local::Memory;

#[cfg(any(feature = "otlp", feature = "clickhouse"))]
pub(crate) use {
    breaker::{Admission, Breaker},
    endpoint::Endpoint,
    http::HttpSettings,
    outcome::Outcome,
    retry::RetryPolicy,
};
#[cfg(feature = "otlp")]
pub(crate) use {otlp::OtlpExporter, sealed::Sealed};

#[cfg(all(test, feature = "otlp"))]
#[path = "../../tests/support/receiver.rs"]
pub(crate) mod receiver;
