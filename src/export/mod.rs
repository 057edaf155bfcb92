//! Delivery: a batch is sealed once for a round of tries, and each of them sends the same bytes.
//!
//! Stored records are sealed anew in the next round, maybe by another process and by what was learned of the server meanwhile:
//! the bytes may be others then. A destination that knows batches by a token gets the same one in every round.

#[cfg(feature = "upload")]
#[cfg_attr(not(all(feature = "otlp", feature = "clickhouse")), allow(dead_code, reason = "each uses a part of it"))]
mod breaker;
#[cfg(feature = "clickhouse")]
pub mod clickhouse;
#[cfg(feature = "upload")]
#[cfg_attr(not(all(feature = "otlp", feature = "clickhouse")), allow(dead_code, reason = "each uses a part of it"))]
mod delivery;
#[cfg(feature = "upload")]
#[cfg_attr(not(all(feature = "otlp", feature = "clickhouse")), allow(dead_code, reason = "each uses a part of it"))]
mod endpoint;
#[cfg(feature = "upload")]
mod exporter;
#[cfg(feature = "otlp")]
mod gzip;
#[cfg(feature = "upload")]
#[cfg_attr(not(all(feature = "otlp", feature = "clickhouse")), allow(dead_code, reason = "each uses a part of it"))]
mod http;
#[cfg(feature = "upload")]
mod intern;
mod local;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "upload")]
#[cfg_attr(not(all(feature = "otlp", feature = "clickhouse")), allow(dead_code, reason = "each uses a part of it"))]
mod outcome;
#[cfg(feature = "upload")]
mod pipeline;
#[cfg(feature = "upload")]
mod retry;
#[cfg(feature = "upload")]
mod sdk;
#[cfg(feature = "otlp")]
mod sealed;
mod text;
#[cfg(feature = "upload")]
mod topic;

#[cfg(feature = "upload")]
pub use breaker::BreakerState;
#[cfg(feature = "upload")]
pub use http::MinTls;
pub(crate) use local::LocalExporter;
pub use local::Memory;

#[cfg(feature = "otlp")]
pub(crate) use endpoint::Endpoint;
#[cfg(feature = "otlp")]
pub(crate) use otlp::OtlpSettings;
#[cfg(feature = "otlp")]
pub use otlp::{OtlpProtocol, UnknownProtocol};
#[cfg(feature = "metrics")]
pub(crate) use pipeline::Kind as SdkKind;
#[cfg(feature = "upload")]
pub(crate) use {
    breaker::{Admission, Breaker},
    delivery::{Delivery, ROUNDS, Step},
    exporter::{Earlier, Exporter, Parcel, Receiver},
    http::Permit,
    outcome::Outcome,
    pipeline::{End, SdkDestination},
    topic::topic,
};

#[cfg(all(test, feature = "otlp"))]
#[path = "../../tests/support/receiver.rs"]
pub(crate) mod receiver;

#[cfg(all(test, feature = "otlp-grpc"))]
#[path = "../../tests/support/grpc.rs"]
pub(crate) mod grpc_receiver;
