//! The seam: the SDK's exporters believe that they send, and what they would have sent is kept.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};

/// An HTTP client that keeps the last request's body and answers that all is well.
///
/// Of the headers it keeps one: the exporters put whatever `OTEL_EXPORTER_OTLP_HEADERS` says into them, which is the
/// host application's key for somebody else.
#[derive(Clone, Debug, Default)]
pub(super) struct Capture(Arc<Mutex<Option<Captured>>>);

/// What the SDK made.
pub(super) enum Captured {
    Message(Bytes),
    /// Of no use: the host application has turned the SDK's own compression on for the whole process.
    Compressed,
}

impl Capture {
    /// Takes out what was kept.
    pub(super) fn take(&self) -> Option<Captured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

type Answered<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Capture {
    // As `async_trait` writes it, which is not a dependency for one method.
    fn send_bytes<'life, 'answered>(&'life self, request: Request<Bytes>) -> Answered<'answered>
    where
        'life: 'answered,
        Self: 'answered,
    {
        let captured = match request.headers().contains_key(CONTENT_ENCODING) {
            true => Captured::Compressed,
            false => Captured::Message(request.into_body()),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(captured);
        Box::pin(std::future::ready(Ok(Response::new(Bytes::new()))))
    }
}

impl std::fmt::Debug for Captured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Captured::Message(message) => write!(f, "Message({} bytes)", message.len()),
            Captured::Compressed => f.write_str("Compressed"),
        }
    }
}

/// The result of a future that has nothing to wait for; `None` if it waits.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}
