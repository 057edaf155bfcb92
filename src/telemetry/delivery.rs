//! Settings of delivery: where records go, how, and when.

use opentelemetry_sdk::logs::{LogExporter, LogProcessor};
#[cfg(feature = "metrics")]
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanExporter, SpanProcessor};

use super::builder::Builder;
use super::destinations::Pinned;
use crate::export::SdkDestination;
#[cfg(feature = "otlp")]
use crate::export::{MinTls, OtlpProtocol};
use crate::pipeline::{Schedule, Tuning};

impl Builder {
    /// Sends to an OpenTelemetry collector by OTLP; the paths of the [protocol](Builder::otlp_protocol) are appended, as
    /// `/v1/logs` and `/v1/traces`. `https`, or `http` to this machine. Default: records stay on this machine, unless
    /// `{P}_TELEMETRY_ENDPOINT` names an endpoint.
    ///
    /// Users may send their data elsewhere with `{P}_TELEMETRY_ENDPOINT`: then it goes there and to no destination of the code,
    /// ClickHouse and SDK exporters included. With `{P}_TELEMETRY_BACKEND` (`otlp`, `clickhouse` or `both`) they say which
    /// backends get it, each at the address that they name, or else at the code's. What they say and cannot be used sends nothing, and the status
    /// says why. None of it counts if [`Builder::pin_endpoint`] is called.
    #[cfg(feature = "otlp")]
    pub fn otlp(mut self, endpoint: impl Into<String>) -> Self {
        self.destinations.otlp = Some(endpoint.into());
        self
    }

    /// How the collector of [`otlp`](Builder::otlp) is spoken to. Users say it for theirs with `{P}_TELEMETRY_PROTOCOL`
    /// (`http/protobuf`, `http/json`, and `grpc` with feature `otlp-grpc`), unless [`Builder::pin_endpoint`] is called. Default: [`OtlpProtocol::HttpProtobuf`].
    #[cfg(feature = "otlp")]
    pub fn otlp_protocol(mut self, protocol: OtlpProtocol) -> Self {
        self.destinations.settings.protocol = protocol;
        self
    }

    /// Sends to ClickHouse, also beside a collector: an address, or
    /// [`ClickHouseExporter::builder`](crate::clickhouse::ClickHouseExporter::builder) with its settings. Default: not,
    /// unless `{P}_TELEMETRY_CLICKHOUSE_ENDPOINT` names one.
    ///
    /// Users may send their data elsewhere with `{P}_TELEMETRY_CLICKHOUSE_ENDPOINT`: then it goes there and to no destination of the
    /// code, collector and SDK exporters included, unless they ask for that too by `{P}_TELEMETRY_BACKEND` (`otlp`,
    /// `clickhouse` or `both`). `_CLICKHOUSE_DATABASE`, `_CLICKHOUSE_USERNAME` and `_CLICKHOUSE_PASSWORD` hold for theirs, or
    /// for the code's. None of it counts if [`Builder::pin_endpoint`] is called.
    #[cfg(feature = "clickhouse")]
    pub fn clickhouse(mut self, settings: impl Into<crate::clickhouse::ClickHouseBuilder>) -> Self {
        self.destinations.clickhouse = Some(settings.into());
        self
    }

    /// Ignores what the environment says about destinations. Default: users may redirect.
    pub fn pin_endpoint(mut self) -> Self {
        self.destinations.pinned = Pinned::Yes;
        self
    }

    /// Allows plain http to this host. Default: plain http only to this machine.
    ///
    /// Such requests go to the host itself, past the system's proxy (`http_proxy`), which would read them, credentials
    /// included: through a proxy only if it is on this machine, or is named here too. Over `https` any proxy is a tunnel, and is used.
    pub fn allow_plaintext_to(mut self, host: impl Into<String>) -> Self {
        self.destinations.plaintext_hosts.push(host.into());
        self
    }

    /// Sends `Authorization: Bearer …` to the collector of [`otlp`](Builder::otlp), not to one of another scheme, host or port
    /// that a user named instead. Default: no authorization.
    #[cfg(feature = "otlp")]
    pub fn bearer(mut self, token: &str) -> Self {
        self.destinations.settings.http.bearer(token);
        self
    }

    /// Sends `Authorization: Basic …`, as [`bearer`](Builder::bearer). Default: no authorization.
    #[cfg(feature = "otlp")]
    pub fn basic(mut self, user: &str, password: &str) -> Self {
        self.destinations.settings.http.basic(user, password);
        self
    }

    /// Sends a header with every request, as [`bearer`](Builder::bearer). `Authorization` beside [`bearer`](Builder::bearer) or
    /// [`basic`](Builder::basic) is a mistake that [`start`](Builder::start) tells. Default: none.
    #[cfg(feature = "otlp")]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.destinations.settings.http.header(name, value);
        self
    }

    /// The oldest TLS version that is spoken with the collector. Default: 1.3.
    #[cfg(feature = "otlp")]
    pub fn min_tls(mut self, version: MinTls) -> Self {
        self.destinations.settings.http.min_tls = version;
        self
    }

    /// When stored records are sent. Default: [`Schedule::Live`].
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.destinations.schedule = schedule;
        self
    }

    /// How many records go out at once, and how long they wait for more of them. Default: 100 records or 5 seconds.
    pub fn tuning(mut self, tuning: Tuning) -> Self {
        self.destinations.tuning = tuning;
        self
    }

    /// Also gives spans to an exporter of the OpenTelemetry SDK, or of anybody who implements its trait. Default: none.
    ///
    /// It gets what every destination gets: clean spans that the user agreed to, from the store, once each. One that fails gets
    /// the same batch again, as a collector would; while it hangs, nothing else is sent, and nobody else waits for it. A call
    /// that has begun when consent is withdrawn cannot be taken back. It is shut down once: by
    /// [`Telemetry::shutdown`](crate::Telemetry::shutdown), or when the guard is dropped. Clones of the builder share it.
    /// There can be six exporters and processors in all.
    ///
    /// Only the application knows where it sends to. So it is not used on a developer's machine
    /// ([`allow_local_in_development`](Builder::allow_local_in_development)), and not where the user names a destination by
    /// `{P}_TELEMETRY_BACKEND`, `_ENDPOINT` or `_CLICKHOUSE_ENDPOINT`, unless [`pin_endpoint`](Builder::pin_endpoint) is
    /// called. A saved yes is one to the exporter of this type, as it is to a host.
    ///
    /// It may block, and it may need a runtime: futures that wait run on a tokio runtime of the uploader's own.
    ///
    /// An exporter that keeps what it could not send, and sends it later, would send it twice. Our own for ClickHouse is one:
    /// it is refused at start, in favour of `.clickhouse(..)`.
    pub fn span_exporter(mut self, exporter: impl SpanExporter + 'static) -> Self {
        let place = self.destinations.sdk.len();
        self.destinations.sdk.push(SdkDestination::span_exporter(exporter, place));
        self
    }

    /// Also gives log records to an exporter, as [`span_exporter`](Builder::span_exporter) gives spans. Default: none.
    pub fn log_exporter(mut self, exporter: impl LogExporter + 'static) -> Self {
        let place = self.destinations.sdk.len();
        self.destinations.sdk.push(SdkDestination::log_exporter(exporter, place));
        self
    }

    /// Also gives metrics to an exporter, as [`span_exporter`](Builder::span_exporter) gives spans (feature `metrics`).
    /// Default: none.
    ///
    /// Metrics are made of events, by the convention of tracing-opentelemetry: the numbers in the fields
    /// `monotonic_counter.NAME`, `counter.NAME` (which may go down), `histogram.NAME` and `gauge.NAME` are measurements, and the
    /// event's other fields, but not its message, are their attributes.
    ///
    /// ```
    /// tracing::info!(monotonic_counter.orders = 1, histogram.checkout_ms = 12.5, plan = "pro", "order placed");
    /// ```
    ///
    /// The event is a record like any other: filtered, stored, shown, and given to other destinations as the log record that it is.
    /// Only then it is counted, so that a metric never says what the record does not: a field that the policy drops or hashes is
    /// no measurement. Each batch of records is summed up by itself, so all metrics have delta temporality, and the time of the
    /// counting: it is all that the SDK can give them. An event inside a span makes metrics only where events are
    /// [log records](crate::Events).
    ///
    /// An exporter that asks for cumulative temporality is refused at start: there is no total to continue, since batches wait
    /// on disk and are sent by later runs as well. Our own for ClickHouse is refused too, in favour of `.clickhouse(..)` with
    /// [`event_metrics`](crate::clickhouse::ClickHouseBuilder::event_metrics), by which nothing is counted twice.
    #[cfg(feature = "metrics")]
    pub fn metric_exporter(mut self, exporter: impl PushMetricExporter) -> Self {
        let place = self.destinations.sdk.len();
        self.destinations.sdk.push(SdkDestination::metric_exporter(exporter, place));
        self
    }

    /// Also gives spans to a processor, as [`span_exporter`](Builder::span_exporter) does to an exporter. Default: none.
    ///
    /// `on_end` is called for each span of a batch, and then `force_flush`; `on_start` never, since a span is finished, cleaned
    /// and stored before. A processor cannot say that it did not take a span, so what it was given counts as sent, also where
    /// the flush fails, which the status tells: an exporter is the better choice where there is one.
    pub fn span_processor(mut self, processor: impl SpanProcessor + 'static) -> Self {
        let place = self.destinations.sdk.len();
        self.destinations.sdk.push(SdkDestination::span_processor(processor, place));
        self
    }

    /// Also gives log records to a processor, as [`span_processor`](Builder::span_processor) gives spans. Default: none.
    ///
    /// `emit` gets a record of its own: what it changes in it no other processor sees.
    pub fn log_processor(mut self, processor: impl LogProcessor + 'static) -> Self {
        let place = self.destinations.sdk.len();
        self.destinations.sdk.push(SdkDestination::log_processor(processor, place));
        self
    }
}
