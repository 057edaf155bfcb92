//! The pair's way to a collector: the SDK's OTLP exporters over a client as lean as can be.

use std::fmt;
use std::future::{Future, ready};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// HTTP/1.1 over one connection that stays open. Bodies are compressed as the exporter's own `gzip-http` does it, at
/// flate2's default level.
struct Client(Mutex<BufReader<TcpStream>>);

impl Client {
    fn connect(endpoint: &str) -> Self {
        let address = endpoint.strip_prefix("http://").expect("the sink speaks plain http");
        let stream = TcpStream::connect(address).expect("the sink listens");
        stream.set_nodelay(true).expect("a socket has options");
        Client(Mutex::new(BufReader::new(stream)))
    }

    fn post(&self, request: &Request<Bytes>) -> std::io::Result<Response<Bytes>> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(request.body())?;
        let body = encoder.finish()?;
        let mut message = format!(
            "POST {} HTTP/1.1\r\nhost: sink\r\ncontent-type: application/x-protobuf\r\ncontent-encoding: gzip\r\n\
             content-length: {}\r\n\r\n",
            request.uri().path(),
            body.len()
        )
        .into_bytes();
        message.extend_from_slice(&body);
        let mut stream = self.0.lock().unwrap();
        stream.get_mut().write_all(&message)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            match line.trim_end().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().expect("a length is a number"),
                None if line == "\r\n" => break,
                _ => {}
            }
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer)?;
        Ok(Response::new(answer.into()))
    }
}

type Answered<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Client {
    fn send_bytes<'life, 'answered>(&'life self, request: Request<Bytes>) -> Answered<'answered>
    where
        'life: 'answered,
        Self: 'answered,
    {
        Box::pin(ready(self.post(&request).map_err(HttpError::from)))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

/// An exporter, and how many records it has delivered.
#[derive(Debug)]
pub(crate) struct Delivers<E> {
    exporter: E,
    taken: Arc<AtomicU64>,
}

impl<E> Delivers<E> {
    fn note(&self, records: usize, result: OTelSdkResult) -> OTelSdkResult {
        if result.is_ok() {
            self.taken.fetch_add(records as u64, Ordering::Relaxed);
        }
        result
    }
}

impl<E: SpanExporter> SpanExporter for Delivers<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let records = batch.len();
        let result = self.exporter.export(batch).await;
        self.note(records, result)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: LogExporter> LogExporter for Delivers<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let records = batch.iter().count();
        let result = self.exporter.export(batch).await;
        self.note(records, result)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// OTLP exporters to this endpoint, both counting into `taken`.
pub(crate) fn exporters(
    endpoint: &str,
    taken: &Arc<AtomicU64>,
) -> (Delivers<opentelemetry_otlp::SpanExporter>, Delivers<opentelemetry_otlp::LogExporter>) {
    let spans = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(Client::connect(endpoint))
        .with_endpoint(format!("{endpoint}/v1/traces"))
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(Duration::from_secs(10))
        .build()
        .expect("the settings are right");
    let logs = opentelemetry_otlp::LogExporter::builder()
        .with_http()
        .with_http_client(Client::connect(endpoint))
        .with_endpoint(format!("{endpoint}/v1/logs"))
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(Duration::from_secs(10))
        .build()
        .expect("the settings are right");
    let delivers = Arc::clone(taken);
    (Delivers { exporter: spans, taken: Arc::clone(taken) }, Delivers { exporter: logs, taken: delivers })
}
