//! A collector that speaks OTLP over gRPC on this machine, does what it is told, also what it should not, and remembers
//! what it got. It knows HTTP/2 (by the crate `h2`) and nothing of gRPC but what is written here.

#![allow(dead_code, unreachable_pub, unused_imports, reason = "each test uses a part")]

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Response};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

// By path, so that this file can itself be included by path.
#[allow(clippy::duplicate_mod, reason = "a test may use several receivers")]
#[path = "received.rs"]
mod received;
use received::Script;
pub use received::{Log, Request, Span, Value};

/// A listening collector; it stops when dropped.
pub struct Collector {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// How one call is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// All is well.
    Ok,
    /// All is well but for so many records.
    Partial { rejected: i64, message: String },
    /// Nothing but this status, in the head of the answer.
    Status(u32),
    /// A status that comes behind a head and an empty body.
    LateStatus(u32),
    /// A status with a `RetryInfo` of so many seconds.
    RetryInfo(u32, u8),
    /// Another status of HTTP, with these headers.
    Http(u16, Vec<(&'static str, String)>),
    /// 200 of a server for people.
    Page,
    /// No answer until the client goes away.
    Hang,
    /// A head, and nothing behind it until the client goes away.
    HangAfterHead,
    /// A message, and no status until the client goes away.
    HangAfterMessage,
    /// A message and an end without a status.
    NoStatus,
    /// A message of so many bytes, then all is well.
    Huge(usize),
    /// The stream is reset.
    Reset,
    /// The connection ends instead of an answer.
    Close,
    /// All is well, and the connection ends without having been announced to.
    OkThenClose,
    /// All is well, and no more calls are wanted on this connection, which ends when the client has said that it knows.
    OkThenGoAway,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    stop: Notify,
}

#[derive(Default)]
struct State {
    script: Script<Reply>,
    requests: Vec<Request>,
    opened: usize,
    closed: usize,
    /// Bytes of messages that the client let us send.
    written: usize,
}

impl Collector {
    /// Listens on a free port of 127.0.0.1, without encryption, and answers everything with [`Reply::Ok`].
    pub fn start() -> Self {
        Self::listen("http", None)
    }

    /// The same, encrypted.
    pub fn encrypted(tls: rustls::ServerConfig) -> Self {
        Self::listen("https", Some(TlsAcceptor::from(Arc::new(tls))))
    }

    /// A collector that answers the first calls like this, and the later ones with [`Reply::Ok`].
    pub fn scripted(script: impl IntoIterator<Item = Reply>) -> Self {
        let collector = Self::start();
        collector.then(script);
        collector
    }

    /// A collector that answers every call like this.
    pub fn always(reply: Reply) -> Self {
        let collector = Self::start();
        collector.shared.lock().script.afterwards(reply);
        collector
    }

    /// Adds replies to the next calls.
    pub fn then(&self, script: impl IntoIterator<Item = Reply>) {
        self.shared.lock().script.then(script);
    }

    fn listen(scheme: &'static str, tls: Option<TlsAcceptor>) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port on loopback");
        listener.set_nonblocking(true).expect("a socket can be that");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::<Shared>::default();
        let serving = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(accept(listener, tls, serving));
        });
        Self { address, scheme, shared, thread: Some(thread) }
    }

    /// `http://127.0.0.1:PORT`, or `https://localhost:PORT`, which is what certificates name.
    pub fn url(&self) -> String {
        match self.scheme {
            "http" => format!("http://{}", self.address),
            _ => format!("https://localhost:{}", self.address.port()),
        }
    }

    /// All calls that arrived whole; bodies are messages without their prefix, decompressed.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// All log records of all calls.
    pub fn logs(&self) -> Vec<Log> {
        self.requests().iter().flat_map(Request::logs).collect()
    }

    /// All spans of all calls.
    pub fn spans(&self) -> Vec<Span> {
        self.requests().iter().flat_map(Request::spans).collect()
    }

    /// Connections that were ever opened.
    pub fn connections(&self) -> usize {
        self.shared.lock().opened
    }

    /// Those that are open.
    pub fn open(&self) -> usize {
        let state = self.shared.lock();
        state.opened - state.closed
    }

    /// Bytes of messages that the client let us send.
    pub fn written(&self) -> usize {
        self.shared.lock().written
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.shared.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: std::net::TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("it is nonblocking");
    loop {
        let stream = tokio::select! {
            () = shared.stop.notified() => return,
            accepted = listener.accept() => accepted.expect("connections can be taken").0,
        };
        let number = {
            let mut state = shared.lock();
            state.opened += 1;
            state.opened
        };
        let (shared, tls) = (Arc::clone(&shared), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, number, &shared).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => {
                        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
                        serve(stream, number, &shared).await;
                    }
                    Err(error) => eprintln!("note: no handshake: {error}"),
                },
            }
            shared.lock().closed += 1;
        });
    }
}

/// Answers calls until the connection ends.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, number: usize, shared: &Arc<Shared>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    let (close, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut leaving = false;
    loop {
        let called = tokio::select! {
            () = close.notified() => return,
            () = leave.notified(), if !leaving => {
                leaving = true;
                connection.graceful_shutdown();
                continue;
            }
            called = connection.accept() => called,
        };
        let Some(Ok((request, respond))) = called else { return };
        let (shared, close, leave) = (Arc::clone(shared), Arc::clone(&close), Arc::clone(&leave));
        tokio::spawn(async move {
            let (head, body) = request.into_parts();
            let Some(raw) = read(body).await else { return };
            let named = |(name, value): (&http::HeaderName, &HeaderValue)| {
                (name.as_str().to_owned(), value.to_str().unwrap_or("?").to_owned())
            };
            let request = Request {
                method: head.method.to_string(),
                path: head.uri.path().to_owned(),
                headers: head.headers.iter().map(named).collect(),
                body: message(&raw, head.headers.get("grpc-encoding")),
                raw,
                connection: number,
            };
            let logs = request.path.contains("LogsService");
            let reply = {
                let mut state = shared.lock();
                state.requests.push(request);
                state.script.take().unwrap_or(Reply::Ok)
            };
            match reply {
                Reply::Close => close.notify_one(),
                Reply::OkThenClose => {
                    answer(&Reply::Ok, logs, respond, &shared).await;
                    // Until it is written.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    close.notify_one();
                }
                Reply::OkThenGoAway => {
                    answer(&Reply::Ok, logs, respond, &shared).await;
                    leave.notify_one();
                }
                reply => answer(&reply, logs, respond, &shared).await,
            }
        });
    }
}

/// The body; none if it did not come to its end.
async fn read(mut body: RecvStream) -> Option<Vec<u8>> {
    let mut raw = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.ok()?;
        body.flow_control().release_capacity(data.len()).ok()?;
        raw.extend_from_slice(&data);
    }
    Some(raw)
}

/// The one message of a call.
fn message(raw: &[u8], encoding: Option<&HeaderValue>) -> Vec<u8> {
    let (prefix, rest) = raw.split_first_chunk::<5>().expect("a prefix");
    let [flag, length @ ..] = *prefix;
    assert_eq!(u32::from_be_bytes(length) as usize, rest.len(), "the prefix says how long the message is");
    match (flag, encoding.map(HeaderValue::as_bytes)) {
        (0, None) => rest.to_vec(),
        (1, Some(b"gzip")) => {
            let mut message = Vec::new();
            flate2::read::GzDecoder::new(rest).read_to_end(&mut message).expect("gzip");
            message
        }
        other => panic!("flag and encoding do not agree: {other:?}"),
    }
}

async fn answer(reply: &Reply, logs: bool, mut respond: SendResponse<Bytes>, shared: &Shared) {
    let head = || Response::builder().status(200).header("content-type", "application/grpc+proto");
    let status = |code: u32| [("grpc-status", code.to_string()), ("grpc-message", "hunter2".to_owned())];
    let with = |headers: &[(&str, String)]| {
        headers.iter().fold(head(), |head, (name, value)| head.header(*name, value)).body(()).expect("a head")
    };
    match reply {
        Reply::Status(code) => drop(respond.send_response(with(&status(*code)), true)),
        Reply::RetryInfo(code, seconds) => {
            let mut headers = status(*code).to_vec();
            headers.push(("grpc-status-details-bin", retry_info(*code, *seconds)));
            drop(respond.send_response(with(&headers), true));
        }
        Reply::Http(code, headers) => {
            let head =
                headers.iter().fold(Response::builder().status(*code), |head, (name, value)| head.header(*name, value));
            drop(respond.send_response(head.body(()).expect("a head"), true));
        }
        Reply::Page => {
            let head = Response::builder().status(200).header("content-type", "text/html").body(()).expect("a head");
            if let Ok(mut stream) = respond.send_response(head, false) {
                drop(stream.send_data(Bytes::from_static(b"<html>"), true));
            }
        }
        Reply::Hang => gone(&mut respond).await,
        Reply::Reset => respond.send_reset(Reason::INTERNAL_ERROR),
        Reply::Close | Reply::OkThenClose | Reply::OkThenGoAway => unreachable!("that is for the connection"),
        _ => {
            let Ok(mut stream) = respond.send_response(head().body(()).expect("a head"), false) else { return };
            body(reply, logs, &mut stream, shared).await;
        }
    }
}

async fn body(reply: &Reply, logs: bool, stream: &mut SendStream<Bytes>, shared: &Shared) {
    let trailers =
        |code: u32| HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), HeaderValue::from(code))]);
    match reply {
        Reply::Ok => {
            let _ = stream.send_data(framed(&[]), false).and_then(|()| stream.send_trailers(trailers(0)));
        }
        Reply::Partial { rejected, message } => {
            let message = framed(&partial_success(logs, *rejected, message.clone()));
            let _ = stream.send_data(message, false).and_then(|()| stream.send_trailers(trailers(0)));
        }
        Reply::LateStatus(code) => drop(stream.send_trailers(trailers(*code))),
        Reply::NoStatus => drop(stream.send_data(framed(&[]), true)),
        Reply::HangAfterMessage => {
            let _ = stream.send_data(framed(&[]), false);
            ended(stream).await;
        }
        Reply::Huge(size) => {
            let mut left = *size;
            let mut prefix = vec![0];
            prefix.extend_from_slice(&u32::try_from(*size).expect("a size").to_be_bytes());
            let _ = stream.send_data(prefix.into(), false);
            while left > 0 {
                stream.reserve_capacity(left.min(16 * 1024));
                let Some(Ok(room)) = std::future::poll_fn(|context| stream.poll_capacity(context)).await else {
                    return;
                };
                let part = room.min(left);
                if stream.send_data(vec![0; part].into(), false).is_err() {
                    return;
                }
                shared.lock().written += part;
                left -= part;
            }
            let _ = stream.send_trailers(trailers(0));
        }
        _ => ended(stream).await,
    }
}

/// Waits until the client does not want the answer any more.
async fn gone(respond: &mut SendResponse<Bytes>) {
    let _ = std::future::poll_fn(|context| respond.poll_reset(context)).await;
}

async fn ended(stream: &mut SendStream<Bytes>) {
    let _ = std::future::poll_fn(|context| stream.poll_reset(context)).await;
}

fn framed(message: &[u8]) -> Bytes {
    let mut framed = vec![0];
    framed.extend_from_slice(&u32::try_from(message.len()).expect("it is short").to_be_bytes());
    framed.extend_from_slice(message);
    framed.into()
}

fn partial_success(logs: bool, rejected: i64, error_message: String) -> Vec<u8> {
    if logs {
        let partial_success = Some(ExportLogsPartialSuccess { rejected_log_records: rejected, error_message });
        ExportLogsServiceResponse { partial_success }.encode_to_vec()
    } else {
        let partial_success = Some(ExportTracePartialSuccess { rejected_spans: rejected, error_message });
        ExportTraceServiceResponse { partial_success }.encode_to_vec()
    }
}

/// `google.rpc.Status` with a `google.rpc.RetryInfo`, byte by byte, and after a detail that is something else; in base64
/// without padding, as gRPC has it.
pub fn retry_info(code: u32, seconds: u8) -> String {
    let field = |number: u8, content: &[u8]| {
        let mut field = vec![number << 3 | 2, u8::try_from(content.len()).expect("it is short")];
        field.extend_from_slice(content);
        field
    };
    let any = |name: &str, value: &[u8]| {
        let url = format!("type.googleapis.com/{name}");
        field(3, &[field(1, url.as_bytes()), field(2, value)].concat())
    };
    let delay = field(1, &[1 << 3, seconds]);
    let status = [
        vec![1 << 3, u8::try_from(code).expect("a code")],
        field(2, b"later"),
        any("google.rpc.Help", b""),
        any("google.rpc.RetryInfo", &delay),
    ];
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in status.concat().chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        text.extend((0..=group.len()).map(|at| DIGITS[(bits >> (18 - 6 * at) & 63) as usize] as char));
    }
    text
}

/// More than anything here takes on a machine that has other things to do.
pub const LONG: Duration = Duration::from_secs(30);
