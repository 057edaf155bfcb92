//! Delivery: a batch is sealed once, and the same bytes are sent until somebody has them.

#[cfg(feature = "upload")]
mod breaker;
#[cfg(feature = "clickhouse")]
pub mod clickhouse;
#[cfg(feature = "upload")]
mod delivery;
#[cfg(feature = "upload")]
mod endpoint;
#[cfg(feature = "upload")]
mod exporter;
#[cfg(feature = "otlp")]
mod gzip;
#[cfg(feature = "upload")]
mod http;
#[cfg(feature = "upload")]
mod intern;
mod local;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "upload")]
mod outcome;
#[cfg(feature = "upload")]
mod retry;
#[cfg(feature = "upload")]
mod sdk;
#[cfg(feature = "upload")]
mod sealed;
mod text;

#[cfg(feature = "upload")]
pub use breaker::BreakerState;
#[cfg(feature = "upload")]
pub use http::MinTls;
pub(crate) use local::LocalExporter;
pub use local::Memory;

#[cfg(feature = "upload")]
pub(crate) use {
    breaker::Admission,
    delivery::{Delivery, Step},
    endpoint::Endpoint,
    exporter::{Exporter, Parcel, Receiver},
    http::HttpSettings,
    outcome::Outcome,
};

#[cfg(all(test, feature = "otlp"))]
#[path = "../../tests/support/receiver.rs"]
pub(crate) mod receiver;
