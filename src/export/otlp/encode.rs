//! From clean records to OTLP, by way of the SDK's own types and exporters.

use std::fmt;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry_otlp::{Protocol, RetryPolicy, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _, SdkLogRecord};
use opentelemetry_sdk::trace::SpanExporter as _;

use super::SealError;
use super::capture::{Capture, Captured, at_once};
use super::request::Request;
use crate::export::gzip::KEPT;
use crate::export::sdk::{self, SdkRecords};
use crate::privacy::Resource;
use crate::record::{RecordRef, Signal};

/// Records that go through the SDK's exporter at once: few enough that what they need on the way stays in the processor's
/// cache, and that the allocator does not give the memory back to the system after each request.
const FEW: usize = 32;

/// The SDK's two exporters, writing into our hands.
pub(super) struct Encoder {
    capture: Capture,
    spans: opentelemetry_otlp::SpanExporter,
    logs: opentelemetry_otlp::LogExporter,
    sdk: SdkRecords,
    /// For log records, whose target takes the place of the scope's name.
    no_scope: InstrumentationScope,
    /// What the exporters were last told.
    resource: Resource,
    /// The last request.
    body: Vec<u8>,
}

impl Encoder {
    pub(super) fn new() -> Result<Self, SealError> {
        // Every setting that an environment variable could make is made here. This address is never asked.
        const NOWHERE: &str = "http://localhost/";
        let failed = |error: opentelemetry_otlp::ExporterBuildError| SealError(error.to_string());
        let capture = Capture::default();
        let spans = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(capture.clone())
            .with_endpoint(NOWHERE)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(Duration::from_secs(5))
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(failed)?;
        let logs = opentelemetry_otlp::LogExporter::builder()
            .with_http()
            .with_http_client(capture.clone())
            .with_endpoint(NOWHERE)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(Duration::from_secs(5))
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(failed)?;
        let mut encoder = Self {
            capture,
            spans,
            logs,
            sdk: SdkRecords::default(),
            no_scope: InstrumentationScope::default(),
            resource: Resource::default(),
            body: Vec::new(),
        };
        encoder.tell_resource();
        Ok(encoder)
    }

    /// Encodes records that share signal and resource.
    ///
    /// The SDK's own types take some kilobytes a record on the way, so records go through its exporter a few at a time, and
    /// the requests that it makes are put one behind the other. Of protobuf messages that is what merges them: the fields of
    /// a request are lists (<https://protobuf.dev/programming-guides/encoding/#last-one-wins>).
    pub(super) fn encode(&mut self, records: &[RecordRef<'_>]) -> Result<&[u8], SealError> {
        let Some(first) = records.first() else {
            return Err(SealError("there are none".to_owned()));
        };
        if first.resource() != &self.resource {
            self.resource = first.resource().clone();
            self.tell_resource();
        }
        match self.body.capacity() > KEPT {
            true => self.body = Vec::new(),
            false => self.body.clear(),
        }
        for few in records.chunks(FEW) {
            match self.export(few)? {
                Captured::Message(message) => self.body.extend_from_slice(&message),
                Captured::Compressed => {
                    self.body = Request::of(records, &mut self.sdk)?.to_protobuf();
                    break;
                }
            }
        }
        Ok(&self.body)
    }

    /// The same as JSON.
    pub(super) fn encode_json(&mut self, records: &[RecordRef<'_>]) -> Result<&[u8], SealError> {
        self.body = Request::of(records, &mut self.sdk)?.to_json()?;
        Ok(&self.body)
    }

    /// Has the SDK make one request of the records.
    fn export(&mut self, records: &[RecordRef<'_>]) -> Result<Captured, SealError> {
        self.capture.take();
        let exported = match records.first().map(RecordRef::signal) {
            Some(Signal::Span) => {
                let spans = records.iter().map(|record| self.sdk.span_data(record)).collect();
                at_once(self.spans.export(spans))
            }
            _ => {
                let records: Vec<SdkLogRecord> = records.iter().map(|record| self.sdk.log_record(record)).collect();
                let batch: Vec<_> = records.iter().map(|record| (record, &self.no_scope)).collect();
                at_once(self.logs.export(LogBatch::new(&batch)))
            }
        };
        match exported {
            Some(Ok(())) => self.capture.take().ok_or_else(|| SealError("the SDK made no request".to_owned())),
            Some(Err(OTelSdkError::InternalFailure(why))) => Err(SealError(why)),
            Some(Err(error)) => Err(SealError(error.to_string())),
            None => Err(SealError("the SDK is waiting for something".to_owned())),
        }
    }

    fn tell_resource(&mut self) {
        let resource = sdk::resource(&self.resource);
        self.spans.set_resource(&resource);
        self.logs.set_resource(&resource);
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encoder")
    }
}
