//! Delivery: a batch is sealed once, and the same bytes are sent until somebody has them.

#[cfg(feature = "otlp")]
mod breaker;
#[cfg(feature = "clickhouse")]
pub mod clickhouse;
#[cfg(feature = "otlp")]
mod endpoint;
#[cfg(any(feature = "otlp", feature = "clickhouse"))]
mod gzip;
#[cfg(feature = "otlp")]
mod http;
#[cfg(feature = "otlp")]
mod intern;
mod local;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "otlp")]
mod retry;
#[cfg(feature = "otlp")]
mod sealed;
mod text;

#[cfg(feature = "otlp")]
pub use http::MinTls;
pub(crate) use local::LocalExporter;
pub use local::Memory;

#[cfg(feature = "otlp")]
pub(crate) use {
    breaker::{Admission, Breaker},
    endpoint::Endpoint,
    http::HttpSettings,
    otlp::OtlpExporter,
    retry::RetryPolicy,
    sealed::{Outcome, Sealed},
};

#[cfg(all(test, feature = "otlp"))]
#[path = "../../tests/support/receiver.rs"]
pub(crate) mod receiver;
