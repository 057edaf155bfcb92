//! A request as a message, for the protocols that the SDK's exporter over HTTP does not write as they are to be sent.

use std::fmt;
use std::str::FromStr;

use opentelemetry::InstrumentationScope;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::logs::tonic::group_logs_by_resource_and_scope;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::logs::LogBatch;
use prost::Message as _;

use super::SealError;
use super::json::Json;
use crate::export::sdk::{self, SdkRecords};
use crate::record::{RecordRef, Signal};

/// How OTLP is spoken; each is written as `OTEL_EXPORTER_OTLP_PROTOCOL` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OtlpProtocol {
    /// `http/protobuf`: the default.
    #[default]
    HttpProtobuf,
    /// `http/json`, for receivers that read nothing else; three times as large before compression.
    HttpJson,
    /// `grpc`, for receivers that listen to nothing else, by default on port 4317 (feature `otlp-grpc`). Everything else is as over
    /// HTTP: what is sent, when, and to whom.
    ///
    /// A proxy is used where the connection is encrypted; a host of
    /// [`allow_plaintext_to`](crate::Builder::allow_plaintext_to) is spoken to directly.
    #[cfg(feature = "otlp-grpc")]
    Grpc,
}

/// The name `grpc` of [`OtlpProtocol::Grpc`].
const GRPC: &str = "grpc";

/// Not the name of a protocol that this program has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProtocol {
    /// It is known well enough, but was not built in.
    is_left_out: bool,
}

impl OtlpProtocol {
    /// Those that this program has.
    pub const ALL: &'static [OtlpProtocol] = &[
        OtlpProtocol::HttpProtobuf,
        OtlpProtocol::HttpJson,
        #[cfg(feature = "otlp-grpc")]
        OtlpProtocol::Grpc,
    ];

    /// `http/protobuf`, `http/json` or `grpc`.
    pub fn as_str(self) -> &'static str {
        match self {
            OtlpProtocol::HttpProtobuf => "http/protobuf",
            OtlpProtocol::HttpJson => "http/json",
            #[cfg(feature = "otlp-grpc")]
            OtlpProtocol::Grpc => GRPC,
        }
    }
}

impl fmt::Display for OtlpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for OtlpProtocol {
    type Err = UnknownProtocol;

    fn from_str(text: &str) -> Result<Self, UnknownProtocol> {
        let is_it = |known: &&OtlpProtocol| known.as_str().eq_ignore_ascii_case(text.trim());
        let is_left_out = text.trim().eq_ignore_ascii_case(GRPC);
        Self::ALL.iter().find(is_it).copied().ok_or(UnknownProtocol { is_left_out })
    }
}

impl fmt::Display for UnknownProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.is_left_out {
            true => "grpc, which this program was built without (feature otlp-grpc of tracing-privacy): write ",
            false => "not a protocol that this program has: write ",
        })?;
        for (place, known) in OtlpProtocol::ALL.iter().enumerate() {
            write!(f, "{}{known}", if place == 0 { "" } else { " or " })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownProtocol {}

/// What one request says.
pub(super) enum Request {
    Traces(ExportTraceServiceRequest),
    Logs(ExportLogsServiceRequest),
}

impl Request {
    /// Of records that share their signal and their resource, as the SDK's exporter makes it.
    pub(super) fn of(records: &[RecordRef<'_>], sdk: &mut SdkRecords) -> Result<Self, SealError> {
        let Some(first) = records.first() else { return Err(SealError("there are none".to_owned())) };
        let resource = ResourceAttributesWithSchema::from(&sdk::resource(first.resource()));
        Ok(match first.signal() {
            Signal::Span => {
                let spans = records.iter().map(|record| sdk.span_data(record)).collect();
                let resource_spans = group_spans_by_resource_and_scope(spans, &resource);
                Request::Traces(ExportTraceServiceRequest { resource_spans })
            }
            Signal::Log => {
                let no_scope = InstrumentationScope::default();
                let logs: Vec<_> = records.iter().map(|record| sdk.log_record(record)).collect();
                let batch: Vec<_> = logs.iter().map(|log| (log, &no_scope)).collect();
                let resource_logs = group_logs_by_resource_and_scope(&LogBatch::new(&batch), &resource);
                Request::Logs(ExportLogsServiceRequest { resource_logs })
            }
        })
    }

    pub(super) fn to_protobuf(&self) -> Vec<u8> {
        match self {
            Request::Traces(request) => request.encode_to_vec(),
            Request::Logs(request) => request.encode_to_vec(),
        }
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, SealError> {
        match self {
            Request::Traces(request) => serde_json::to_vec(&Json(request)),
            Request::Logs(request) => serde_json::to_vec(&Json(request)),
        }
        .map_err(|error| SealError(error.to_string()))
    }
}
