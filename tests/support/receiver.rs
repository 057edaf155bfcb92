//! An OTLP/HTTP receiver inside the test: it keeps what arrives, decodes it, and answers as badly as it is told to.
//!
//! HTTP/1.1 with keep-alive over std's sockets and threads, so that it shares no code with the client under test.

#![allow(dead_code, unreachable_pub, unused_imports)]

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message;

// By path, so that this file can itself be included by path.
#[path = "received.rs"]
mod received;
use received::Script;
pub use received::{Log, Request, Span, SpanEvent, Value};

/// A listening receiver; it stops when dropped.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

/// How one request is answered.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// 200 with an empty OTLP answer.
    Ok,
    /// 200 with an OTLP answer that counts rejected records.
    PartialSuccess { rejected: i64, message: String },
    /// This status and an empty body.
    Status(u16),
    /// This status with `Retry-After` in seconds.
    RetryAfter(u16, u64),
    /// Exactly this.
    Custom { status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    /// No answer, until the client or the receiver ends.
    Hang,
    /// An answer that comes a byte every 20 ms, from the status line on.
    Trickle,
    /// A prompt status and headers, then a body that comes a byte every 20 ms.
    TrickleBody,
    /// Bytes that are not HTTP.
    Rubbish,
    /// 200 with a body of so many bytes, its length declared.
    Huge(usize),
    /// 200 with a body of so many bytes in chunks.
    HugeChunked(usize),
    /// 307 to there.
    RedirectTo(String),
    /// The connection ends instead of an answer.
    CloseBeforeAnswer,
    /// The connection is reset after the head, with the body (which must be over 64 bytes) unread.
    Reset,
    /// 200 that declares more body than it sends, then the connection ends.
    CutBody,
    /// 200, and the connection ends without having been announced to.
    OkThenClose,
}

impl Behaviour {
    /// A status and a text.
    pub fn said(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Behaviour::Custom { status, headers: vec![], body: body.into() }
    }

    /// What ClickHouse answers to the two questions about a table: its columns, by name and type, and what else is known of it,
    /// which is nothing here.
    pub fn described(columns: impl IntoIterator<Item = (impl Display, impl Display)>) -> [Self; 2] {
        let line = |(name, kind)| format!("{name}\t{kind}\t\n");
        [Self::said(200, columns.into_iter().map(line).collect::<String>()), Self::said(200, "\n")]
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// What a request is recognised by.
type Matches = Box<dyn Fn(&Request) -> bool + Send>;

#[derive(Default)]
struct State {
    script: Script<Behaviour>,
    rules: Vec<(Matches, Behaviour)>,
    requests: Vec<Request>,
    /// Of each connection a handle to stop it by, as long as it is served.
    streams: Vec<Option<TcpStream>>,
    bytes: u64,
    /// Bytes of huge answers that the system took from us.
    written: usize,
    stopped: bool,
}

impl Receiver {
    /// Listens on a free port of 127.0.0.1 and answers everything with [`Behaviour::Ok`].
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::<Shared>::default();
        let accepting = Arc::clone(&shared);
        let listener = thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared, listener: Some(listener) }
    }

    /// A receiver that answers the first requests like this, and the later ones with [`Behaviour::Ok`].
    pub fn scripted(script: impl IntoIterator<Item = Behaviour>) -> Self {
        let receiver = Self::start();
        receiver.then(script);
        receiver
    }

    /// A receiver that answers every request like this.
    pub fn always(behaviour: Behaviour) -> Self {
        let receiver = Self::start();
        receiver.afterwards(behaviour);
        receiver
    }

    /// Adds answers for the next requests.
    pub fn then(&self, script: impl IntoIterator<Item = Behaviour>) {
        self.shared.lock().script.then(script);
    }

    /// What to do once the script has run out.
    pub fn afterwards(&self, behaviour: Behaviour) {
        self.shared.lock().script.afterwards(behaviour);
    }

    /// What to do with requests like these, whatever the script says; not [`Behaviour::Reset`].
    pub fn whenever(&self, matches: impl Fn(&Request) -> bool + Send + 'static, behaviour: Behaviour) {
        self.shared.lock().rules.push((Box::new(matches), behaviour));
    }

    /// Forgets what was said about certain requests.
    pub fn forgive(&self) {
        self.shared.lock().rules.clear();
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// All requests that arrived whole.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// Connections that were ever opened.
    pub fn connections(&self) -> usize {
        self.shared.lock().streams.len()
    }

    /// Bytes that arrived, of whole requests or not.
    pub fn bytes(&self) -> u64 {
        self.shared.lock().bytes
    }

    /// Bytes of the bodies of [`Behaviour::Huge`] and [`Behaviour::HugeChunked`] that could be written.
    pub fn written(&self) -> usize {
        self.shared.lock().written
    }

    /// Waits until every connection has ended; whether they did within the time.
    pub fn wait_for_the_end(&self, within: Duration) -> bool {
        self.wait_until(within, |state| state.streams.iter().all(Option::is_none))
    }

    /// Waits until so many requests have arrived; whether they did within the time.
    pub fn wait_for(&self, requests: usize, within: Duration) -> bool {
        self.wait_until(within, |state| state.requests.len() >= requests)
    }

    /// Waits until so many log records and spans have arrived together; whether they did within the time.
    pub fn wait_for_records(&self, records: usize, within: Duration) -> bool {
        self.wait_until(within, |state| state.requests.iter().map(Request::records).sum::<usize>() >= records)
    }

    /// All log records of all requests.
    pub fn logs(&self) -> Vec<Log> {
        self.requests().iter().flat_map(Request::logs).collect()
    }

    /// All spans of all requests.
    pub fn spans(&self) -> Vec<Span> {
        self.requests().iter().flat_map(Request::spans).collect()
    }

    fn wait_until(&self, within: Duration, done: impl Fn(&State) -> bool) -> bool {
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), within, |state| !done(state))
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        done(&state)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stopped = true;
        for stream in state.streams.iter().flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether the receiver stopped within the time.
    fn stopped_within(&self, time: Duration) -> bool {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.lock(), time, |state| !state.stopped)
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        state.stopped
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let mut state = shared.lock();
        if state.stopped {
            return;
        }
        let Ok(kept) = stream.try_clone() else { continue };
        state.streams.push(Some(kept));
        let number = state.streams.len();
        drop(state);
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let _ = serve(&stream, number, &shared);
            // The connection ends when its last handle is closed, which is this one: before anybody is told.
            drop(stream);
            shared.lock().streams[number - 1] = None;
            shared.changed.notify_all();
        });
    }
}

/// Answers requests until the connection ends.
fn serve(stream: &TcpStream, connection: usize, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // Small, so that the body of a request that is to be reset stays unread.
    let mut reader = BufReader::with_capacity(64, Counted { stream, shared });
    while let Some(mut request) = read_head(&mut reader)? {
        request.connection = connection;
        let behaviour = {
            let mut state = shared.lock();
            state.script.take().unwrap_or(Behaviour::Ok)
        };
        if matches!(behaviour, Behaviour::Reset) {
            // Closing a socket with unread data makes the kernel reset the connection.
            stream.peek(&mut [0])?;
            return Ok(());
        }
        read_body(&mut reader, &mut request)?;
        let logs = request.path.ends_with("/v1/logs");
        let mut state = shared.lock();
        let by_rule = state.rules.iter().find(|(matches, _)| matches(&request)).map(|(_, behaviour)| behaviour.clone());
        let behaviour = by_rule.unwrap_or(behaviour);
        state.requests.push(request);
        drop(state);
        shared.changed.notify_all();
        if !answer(&behaviour, stream, logs, shared)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Writes the answer; whether the connection stays open.
fn answer(behaviour: &Behaviour, mut stream: &TcpStream, logs: bool, shared: &Shared) -> io::Result<bool> {
    let mut respond = |status: u16, headers: &[(&str, String)], body: &[u8]| -> io::Result<bool> {
        stream.write_all(&head(status, body.len(), headers))?;
        stream.write_all(body)?;
        Ok(true)
    };
    let protobuf = [("content-type", "application/x-protobuf".to_owned())];
    match behaviour {
        Behaviour::Ok => respond(200, &protobuf, &[]),
        Behaviour::OkThenClose => respond(200, &protobuf, &[]).map(|_| false),
        Behaviour::PartialSuccess { rejected, message } => {
            respond(200, &protobuf, &partial_success(logs, *rejected, message.clone()))
        }
        Behaviour::Status(status) => respond(*status, &[], &[]),
        Behaviour::RetryAfter(status, seconds) => respond(*status, &[("retry-after", seconds.to_string())], &[]),
        Behaviour::Custom { status, headers, body } => respond(*status, headers, body),
        Behaviour::RedirectTo(url) => respond(307, &[("location", url.clone())], &[]),
        Behaviour::Hang => {
            // Ends when the client hangs up or the receiver shuts the socket down.
            let _ = stream.read(&mut [0]);
            Ok(false)
        }
        Behaviour::Trickle => trickle(&head(200, 1000, &protobuf), stream, shared),
        Behaviour::TrickleBody => {
            stream.write_all(&head(200, 1000, &protobuf))?;
            trickle(&[0; 1000], stream, shared)
        }
        Behaviour::Rubbish => {
            stream.write_all(b"\x16\x03\x01 I am not a web server \xff\xfe\r\n\r\n")?;
            Ok(false)
        }
        Behaviour::Huge(size) => {
            stream.write_all(&head(200, *size, &protobuf))?;
            write_zeros(*size, shared, |block| stream.write_all(block))?;
            Ok(true)
        }
        Behaviour::HugeChunked(size) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            write_zeros(*size, shared, |block| {
                write!(stream, "{:x}\r\n", block.len())?;
                stream.write_all(block)?;
                stream.write_all(b"\r\n")
            })?;
            stream.write_all(b"0\r\n\r\n")?;
            Ok(true)
        }
        Behaviour::CutBody => {
            stream.write_all(&head(200, 1000, &protobuf))?;
            stream.write_all(&[0; 10])?;
            Ok(false)
        }
        Behaviour::CloseBeforeAnswer | Behaviour::Reset => Ok(false),
    }
}

fn head(status: u16, length: usize, headers: &[(&str, String)]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn trickle(bytes: &[u8], mut stream: &TcpStream, shared: &Shared) -> io::Result<bool> {
    for byte in bytes {
        stream.write_all(std::slice::from_ref(byte))?;
        if shared.stopped_within(Duration::from_millis(20)) {
            break;
        }
    }
    Ok(false)
}

fn write_zeros(mut size: usize, shared: &Shared, mut write: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let zeros = [0; 16 * 1024];
    while size > 0 {
        let block = size.min(zeros.len());
        write(&zeros[..block])?;
        shared.lock().written += block;
        size -= block;
    }
    Ok(())
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

/// A stream that counts what is read from it.
struct Counted<'a> {
    stream: &'a TcpStream,
    shared: &'a Shared,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.shared.lock().bytes += read as u64;
        Ok(read)
    }
}

/// The request line and headers; `None` when the client has hung up.
fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let Some(first) = read_line(reader)? else { return Ok(None) };
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        raw: Vec::new(),
        body: Vec::new(),
        connection: 0,
    };
    loop {
        match read_line(reader)? {
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
            Some(line) if line.is_empty() => return Ok(Some(request)),
            Some(line) => {
                let (name, value) = line.split_once(':').unwrap_or((&line, ""));
                request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
    }
}

fn read_body(reader: &mut impl BufRead, request: &mut Request) -> io::Result<()> {
    if request.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        loop {
            let line = read_line(reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)
                .map_err(|_| io::ErrorKind::InvalidData)?;
            let start = request.raw.len();
            request.raw.resize(start + size, 0);
            reader.read_exact(&mut request.raw[start..])?;
            read_line(reader)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = request.header("content-length").and_then(|length| length.parse().ok()) {
        request.raw.resize(length, 0);
        reader.read_exact(&mut request.raw)?;
    }
    request.body = match request.header("content-encoding") {
        Some("gzip") => {
            let mut body = Vec::new();
            flate2::read::GzDecoder::new(request.raw.as_slice()).read_to_end(&mut body)?;
            body
        }
        _ => request.raw.clone(),
    };
    Ok(())
}

fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Ok(Some(String::from_utf8_lossy(line).into_owned()))
}

/// How long something took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}
