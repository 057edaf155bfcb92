//! Delivery to an OpenTelemetry collector: OTLP over HTTP, as protobuf or JSON, and over gRPC.

mod answer;
mod capture;
mod encode;
#[cfg(feature = "otlp-grpc")]
mod grpc;
mod json;
mod request;

use std::fmt;

use bytes::Bytes;
use reqwest::Url;

use super::endpoint::Endpoint;
use super::gzip::Gzip;
#[cfg(feature = "otlp-grpc")]
use super::http::Http2Client;
use super::http::{HttpClient, HttpFailure, HttpSettings, Post};
use super::outcome::Outcome;
use super::sealed::{Sealed, Token};
use crate::app::random::IdRng;
use crate::record::{RecordRef, Signal};
use encode::Encoder;
pub use request::{OtlpProtocol, UnknownProtocol};

/// How a collector is spoken to.
#[derive(Clone, Debug, Default)]
pub(crate) struct OtlpSettings {
    pub(crate) http: HttpSettings,
    pub(crate) protocol: OtlpProtocol,
}

/// Seals records for a collector, and sends what was sealed.
///
/// Making one costs little and opens nothing; the client is made by the first [`send`](OtlpExporter::send).
pub(crate) struct OtlpExporter {
    endpoint: Endpoint,
    settings: OtlpSettings,
    logs: Url,
    traces: Url,
    client: Option<Client>,
    encoder: Encoder,
    gzip: Gzip,
    tokens: IdRng,
}

/// What is spoken to the collector.
#[allow(clippy::large_enum_variant, reason = "an exporter has one, and is in a box itself")]
enum Client {
    Http(HttpClient),
    #[cfg(feature = "otlp-grpc")]
    Grpc(Http2Client),
}

impl OtlpExporter {
    /// An exporter to the collector with this base address, to which the protocol's paths are appended.
    ///
    /// # Errors
    /// The SDK's exporters could not be made.
    pub(crate) fn new(endpoint: Endpoint, settings: OtlpSettings) -> Result<Self, SealError> {
        let (logs, traces) = match settings.protocol {
            OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => ("v1/logs", "v1/traces"),
            #[cfg(feature = "otlp-grpc")]
            OtlpProtocol::Grpc => (grpc::LOGS, grpc::TRACES),
        };
        Ok(Self {
            logs: endpoint.join(logs),
            traces: endpoint.join(traces),
            endpoint,
            settings,
            client: None,
            encoder: Encoder::new()?,
            gzip: Gzip::default(),
            tokens: IdRng::new(),
        })
    }

    /// Makes the final bytes of a request. The records must share their signal and their resource.
    ///
    /// # Errors
    /// The SDK refused to encode them; they would be refused again.
    pub(crate) fn seal(&mut self, records: &[RecordRef<'_>]) -> Result<Sealed, SealError> {
        let (message, content_type) = match self.settings.protocol {
            OtlpProtocol::HttpProtobuf => (self.encoder.encode(records)?, "application/x-protobuf"),
            OtlpProtocol::HttpJson => (self.encoder.encode_json(records)?, "application/json"),
            #[cfg(feature = "otlp-grpc")]
            OtlpProtocol::Grpc => (self.encoder.encode(records)?, grpc::CONTENT_TYPE),
        };
        let (message, content_encoding) = match self.gzip.compress(message) {
            Some(compressed) => (compressed, Some("gzip")),
            None => (Bytes::copy_from_slice(message), None),
        };
        let body = match self.settings.protocol {
            OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => message,
            #[cfg(feature = "otlp-grpc")]
            OtlpProtocol::Grpc => grpc::framed(&message, content_encoding),
        };
        let mut token = [0; 16];
        token[..8].copy_from_slice(&self.tokens.next_u64().to_be_bytes());
        token[8..].copy_from_slice(&self.tokens.next_u64().to_be_bytes());
        Ok(Sealed {
            signal: records.first().map_or(Signal::Log, RecordRef::signal),
            records: u32::try_from(records.len()).unwrap_or(u32::MAX),
            body,
            content_type,
            content_encoding,
            token: Token(token),
        })
    }

    /// Makes the client if there is none yet, which takes 10–70 ms for an encrypted endpoint.
    ///
    /// # Errors
    /// As [`HttpClient::new`].
    pub(crate) fn prepare(&mut self) -> Result<(), HttpFailure> {
        if self.client.is_none() {
            self.client = Some(Client::new(&self.endpoint, &self.settings)?);
        }
        Ok(())
    }

    /// Sends a sealed batch once; what is not [prepared](Self::prepare) is prepared first. Needs a tokio runtime with I/O and
    /// time.
    pub(crate) async fn send(&mut self, sealed: &Sealed) -> Outcome {
        let prepared = self.prepare();
        let Some(client) = &mut self.client else {
            return answer::outcome(Err(prepared.err().unwrap_or(HttpFailure::Connect)), sealed);
        };
        let url = match sealed.signal {
            Signal::Log => &self.logs,
            Signal::Span => &self.traces,
        };
        match client {
            Client::Http(client) => {
                let post = Post {
                    url,
                    content_type: sealed.content_type,
                    content_encoding: sealed.content_encoding,
                    headers: &[],
                    body: sealed.body.clone(),
                };
                answer::outcome(client.post(post).await, sealed)
            }
            #[cfg(feature = "otlp-grpc")]
            Client::Grpc(client) => grpc::send(client, url, sealed).await,
        }
    }
}

impl Client {
    fn new(endpoint: &Endpoint, settings: &OtlpSettings) -> Result<Self, HttpFailure> {
        match settings.protocol {
            OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => {
                HttpClient::new(endpoint, &settings.http).map(Client::Http)
            }
            #[cfg(feature = "otlp-grpc")]
            OtlpProtocol::Grpc => Http2Client::new(endpoint, &settings.http).map(Client::Grpc),
        }
    }
}

impl fmt::Debug for OtlpExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpExporter").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// The SDK did not encode a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealError(String);

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the records could not be encoded: {}", self.0)
    }
}

impl std::error::Error for SealError {}

#[cfg(test)]
mod tests;
