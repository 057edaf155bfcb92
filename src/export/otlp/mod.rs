//! Delivery to an OpenTelemetry collector: OTLP over HTTP, as protobuf or JSON.

mod answer;
mod capture;
mod encode;
mod json;
mod request;

use std::fmt;
use std::sync::OnceLock;

use reqwest::Url;

use super::endpoint::Endpoint;
use super::gzip::Gzip;
use super::http::{HttpClient, HttpSettings, Post};
use super::outcome::Outcome;
use super::sealed::{Sealed, Token};
use crate::app::random::IdRng;
use crate::record::{RecordRef, Signal};
use capture::Captured;
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
    client: OnceLock<HttpClient>,
    encoder: Encoder,
    gzip: Gzip,
    tokens: IdRng,
}

impl OtlpExporter {
    /// An exporter to the collector with this base address; `/v1/logs` and `/v1/traces` are appended.
    ///
    /// # Errors
    /// The SDK's exporters could not be made.
    pub(crate) fn new(endpoint: Endpoint, settings: OtlpSettings) -> Result<Self, SealError> {
        Ok(Self {
            logs: endpoint.join("v1/logs"),
            traces: endpoint.join("v1/traces"),
            endpoint,
            settings,
            client: OnceLock::new(),
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
        let (captured, content_type) = match self.settings.protocol {
            OtlpProtocol::HttpProtobuf => (self.encoder.encode(records)?, "application/x-protobuf"),
            OtlpProtocol::HttpJson => {
                (Captured { body: self.encoder.encode_json(records)?, content_encoding: None }, "application/json")
            }
        };
        let (body, content_encoding) = match captured.content_encoding {
            None => match self.gzip.compress(&captured.body) {
                Some(compressed) => (compressed, Some("gzip")),
                None => (captured.body, None),
            },
            already => (captured.body, already),
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

    /// Sends a sealed batch once.
    ///
    /// The first call makes the client, which takes 10–70 ms for an encrypted endpoint. Needs a tokio runtime with I/O
    /// and time.
    pub(crate) async fn send(&self, sealed: &Sealed) -> Outcome {
        let client = match self.client() {
            Ok(client) => client,
            Err(failure) => return answer::outcome(Err(failure), sealed),
        };
        let post = Post {
            url: match sealed.signal {
                Signal::Log => &self.logs,
                Signal::Span => &self.traces,
            },
            content_type: sealed.content_type,
            content_encoding: sealed.content_encoding,
            headers: &[],
            body: sealed.body.clone(),
        };
        answer::outcome(client.post(post).await, sealed)
    }

    fn client(&self) -> Result<&HttpClient, super::http::HttpFailure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = HttpClient::new(&self.endpoint, &self.settings.http)?;
        Ok(self.client.get_or_init(|| client))
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
