//! The exporter as the SDK and applications see it.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::backlog::Backlog;
use super::client::Client;
use super::encoder::{Batch, Encoder};
use super::insert::Insert;
#[cfg(doc)]
use super::schema::Schema;
use super::sender::Sender;
use super::settings::ClickHouseBuilder;
use super::status::ClickHouseStatus;
use super::worker::{Job, Shared, Turn, Worker};
use crate::app::{Clock, random};
use crate::export::Earlier;

/// Sends spans, log records and metrics of any OpenTelemetry pipeline to ClickHouse.
///
/// Clones share one connection, one backlog and one [`status`](Self::status): give one to each provider. It needs no
/// runtime: it has a thread of its own, which starts with the first export and ends with the last clone.
///
/// Each row arrives once, however often it has to be sent: a batch is encoded once, and every try carries the same bytes
/// and the same `insert_deduplication_token`. For that the tables need a deduplication window, which those that the
/// exporter makes have: [10,000 inserts](Schema::deduplication_window), on a cluster also no more than seven days. Into others,
/// and for a retry that comes later than that, it is "at least once".
///
/// An export that fails is not lost: what the server does not take waits in memory, up to
/// [`backlog`](ClickHouseBuilder::backlog) bytes, and is sent when the server takes it. The error says so. What the server
/// refuses for good is dropped, counted and explained in the status; there is no file of dead letters. (Records of
/// [`Telemetry`](crate::Telemetry) are stored before they are sent, and stay there to be read when they were refused.) A table that
/// is missing holds up its own rows alone.
///
/// ```no_run
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use tracing_privacy::clickhouse::ClickHouseExporter;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let exporter = ClickHouseExporter::builder("https://clickhouse.example.com:8443").user("otel", "secret").build()?;
/// let provider = SdkTracerProvider::builder().with_batch_exporter(exporter.clone()).build();
/// // …
/// provider.shutdown()?;
/// println!("{}", exporter.status());
/// # Ok(())
/// # }
/// ```
pub struct ClickHouseExporter {
    inner: Arc<Inner>,
    resource: Resource,
    /// Of this clone alone: one provider that ends does not end the others.
    is_shut_down: AtomicBool,
}

struct Inner {
    shared: Arc<Shared>,
    /// What the thread's own is made after.
    client: Client,
    name: Mutex<Name>,
    number: AtomicU64,
    temporality: Temporality,
    thread: Mutex<Option<Thread>>,
}

/// What tokens begin with: random, so that no two exporters ever use the same one.
struct Name {
    text: String,
    /// A forked child has the same exporter, and rows of its own.
    process: u32,
}

/// The way to the thread.
struct Thread {
    jobs: UnboundedSender<Job>,
    /// A forked child has the way, but not the thread.
    process: u32,
}

/// What the thread will answer with; nothing if there was nothing to ask for.
type Asked = Result<Option<oneshot::Receiver<Turn>>, OTelSdkError>;

/// The longest that [`SpanExporter::force_flush`] waits: a round of tries for one insert.
const FLUSH: Duration = Duration::from_secs(30);

impl ClickHouseExporter {
    /// Begins the settings of an exporter to this address: `https`, or `http` to this machine.
    pub fn builder(url: impl Into<String>) -> ClickHouseBuilder {
        ClickHouseBuilder::new(url.into())
    }

    pub(super) fn new(
        client: Client,
        encoder: Encoder,
        backlog: usize,
        temporality: Temporality,
        clock: Clock,
    ) -> Self {
        let backlog = Mutex::new(Backlog::new(backlog));
        let shared = Shared { encoder: RwLock::new(encoder), status: Mutex::default(), clock, backlog };
        let inner = Inner {
            shared: Arc::new(shared),
            client,
            name: Mutex::new(Name::new()),
            number: AtomicU64::new(0),
            temporality,
            thread: Mutex::new(None),
        };
        Self {
            inner: Arc::new(inner),
            resource: Resource::builder_empty().build(),
            is_shut_down: AtomicBool::new(false),
        }
    }

    /// What has become of the rows so far, of all clones.
    pub fn status(&self) -> ClickHouseStatus {
        self.inner.shared.status().clone()
    }

    /// Sends what waits, and says within this time whether all of it has arrived.
    ///
    /// # Errors
    /// Some rows wait still, or were lost meanwhile, or it took too long.
    pub fn flush(&self, within: Duration) -> OTelSdkResult {
        let (done, turn) = mpsc::channel();
        let done = move |turn| {
            // Nobody may be waiting any more.
            let _ = done.send(turn);
        };
        self.inner.ask(Vec::new(), Box::new(done))?;
        match turn.recv_timeout(within) {
            Ok(turn) => turn.result(),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(OTelSdkError::Timeout(within)),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(ended()),
        }
    }

    /// Encodes at once, on the caller's thread, and hands over.
    fn deliver(&self, encode: impl FnOnce(&Encoder) -> Vec<Batch>) -> Asked {
        if self.is_shut_down.load(Ordering::Acquire) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        self.inner.seal_and_ask(encode)
    }

    fn end(&self, within: Duration) -> OTelSdkResult {
        if self.is_shut_down.swap(true, Ordering::AcqRel) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        // Nothing was ever exported: no thread is started to say so.
        if self.inner.thread.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            return Ok(());
        }
        self.flush(within)
    }
}

impl Name {
    fn new() -> Self {
        let mut rng = random::IdRng::new();
        Self { text: format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64()), process: std::process::id() }
    }
}

impl Inner {
    /// What tokens of this process begin with.
    fn name(&self) -> String {
        let mut name = self.name.lock().unwrap_or_else(PoisonError::into_inner);
        if name.process != std::process::id() {
            *name = Name::new();
        }
        name.text.clone()
    }

    fn seal_and_ask(&self, encode: impl FnOnce(&Encoder) -> Vec<Batch>) -> Asked {
        let batches = encode(&self.shared.encoder.read().unwrap_or_else(PoisonError::into_inner));
        if batches.is_empty() {
            return Ok(None);
        }
        self.shared.status().clamped += batches.iter().map(|batch| batch.clamped).sum::<u64>();
        let name = self.name();
        let seal = |batch: Batch| {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            let token = format!("{name}-{}-{number}", batch.table);
            Insert::seal(batch, token, Earlier::Nothing)
        };
        let inserts = batches.into_iter().map(seal).collect();
        let (done, turn) = oneshot::channel();
        let done = move |turn| {
            // Nobody may be waiting any more.
            let _ = done.send(turn);
        };
        self.ask(inserts, Box::new(done))?;
        Ok(Some(turn))
    }

    /// Gives the thread a job, and starts it if there is none.
    fn ask(&self, inserts: Vec<Insert>, done: Box<dyn FnOnce(Turn) + Send>) -> OTelSdkResult {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
        let is_there = |thread: &Thread| thread.process == process && !thread.jobs.is_closed();
        if !thread.as_ref().is_some_and(is_there) {
            // A child would send what its parent has; of a thread that broke nobody knows what it has sent.
            let forgotten = self.shared.forget();
            if thread.as_ref().is_some_and(|thread| thread.process == process) {
                self.shared.status().overflowed += forgotten;
            }
            *thread = Some(Thread { jobs: start(&self.shared, self.client.another())?, process });
        }
        let lost = self.shared.status().lost();
        self.shared.keep(inserts);
        let sent = thread.as_ref().is_some_and(|thread| thread.jobs.send(Job { lost, done }).is_ok());
        if sent { Ok(()) } else { Err(ended()) }
    }
}

/// Starts the thread. It ends when the last way to it is gone.
fn start(shared: &Arc<Shared>, client: Client) -> Result<UnboundedSender<Job>, OTelSdkError> {
    let failed = |error: std::io::Error| {
        OTelSdkError::InternalFailure(format!("ClickHouse: the operating system gives no thread ({error})"))
    };
    let (jobs, received) = tokio::sync::mpsc::unbounded_channel();
    // Names are resolved on a thread of the runtime's own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .thread_name("telem-ch-dns")
        .on_thread_start(suppress)
        .build()
        .map_err(failed)?;
    let worker = Worker::new(Arc::clone(shared), Sender::new(client));
    let run = move || {
        suppress();
        runtime.block_on(worker.serve(received));
        // A name that is being looked up must not hold the thread.
        runtime.shutdown_background();
    };
    std::thread::Builder::new().name("telem-clickhouse".to_owned()).spawn(run).map_err(failed)?;
    Ok(jobs)
}

/// Nothing that this thread does is traced: our requests must not make more of them.
fn suppress() {
    // For as long as the thread lives.
    std::mem::forget(opentelemetry::Context::enter_telemetry_suppressed_scope());
}

async fn answer(asked: Asked) -> OTelSdkResult {
    match asked? {
        None => Ok(()),
        Some(turn) => turn.await.map_err(|_| ended())?.result(),
    }
}

fn ended() -> OTelSdkError {
    OTelSdkError::InternalFailure("ClickHouse: the exporter's thread has ended".to_owned())
}

impl Turn {
    fn result(self) -> OTelSdkResult {
        let Turn { lost, waiting, why } = self;
        if lost == 0 && waiting == 0 {
            return Ok(());
        }
        let why = why.as_deref().unwrap_or(match waiting {
            // Too old, or more than may wait: nobody was asked about them.
            0 => "the notes of the exporter's status say why",
            _ => "it asked for rest",
        });
        Err(OTelSdkError::InternalFailure(format!(
            "ClickHouse: {waiting} rows wait and are tried again, {lost} rows were lost: {why}"
        )))
    }
}

impl Clone for ClickHouseExporter {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), resource: self.resource.clone(), is_shut_down: AtomicBool::new(false) }
    }
}

impl fmt::Debug for ClickHouseExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClickHouseExporter").field("client", &self.inner.client).finish_non_exhaustive()
    }
}

impl SpanExporter for ClickHouseExporter {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        answer(self.deliver(|encoder| encoder.spans(&batch, &self.resource)))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.end(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.flush(FLUSH)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.clone();
    }
}

impl LogExporter for ClickHouseExporter {
    fn export(&self, batch: LogBatch<'_>) -> impl Future<Output = OTelSdkResult> + Send {
        answer(self.deliver(|encoder| encoder.logs(batch.iter(), &self.resource)))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.end(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.clone();
    }
}

impl PushMetricExporter for ClickHouseExporter {
    fn export(&self, metrics: &ResourceMetrics) -> impl Future<Output = OTelSdkResult> + Send {
        answer(self.deliver(|encoder| encoder.metrics(metrics)))
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.flush(FLUSH)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.end(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.inner.temporality
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::metrics::exporter::PushMetricExporter as Metrics;

    use super::*;

    #[test]
    fn an_exporter_that_exports_nothing_starts_no_thread_and_ends_at_once() {
        let exporter = ClickHouseExporter::builder("https://clickhouse.invalid").build().unwrap();
        let ready = |result: OTelSdkResult| result.map_err(|error| error.to_string());
        let nothing = || std::pin::pin!(SpanExporter::export(&exporter, Vec::new())).now_or_never();
        assert_eq!(nothing().map(ready), Some(Ok(())));
        Metrics::shutdown(&exporter).unwrap();
        assert_eq!(nothing().map(|result| result.is_err()), Some(true));
        assert!(matches!(SpanExporter::shutdown(&exporter), Err(OTelSdkError::AlreadyShutdown)));
        // A clone is another pipeline's.
        SpanExporter::shutdown(&exporter.clone()).unwrap();
        assert!(exporter.inner.thread.lock().unwrap().is_none());
    }

    trait NowOrNever: Future {
        fn now_or_never(self: std::pin::Pin<&mut Self>) -> Option<Self::Output> {
            match self.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
                std::task::Poll::Ready(done) => Some(done),
                std::task::Poll::Pending => None,
            }
        }
    }

    impl<F: Future> NowOrNever for F {}
}
