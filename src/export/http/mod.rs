//! The one HTTP client: every byte that leaves the machine leaves through [`HttpClient::post`].
//!
//! Requests are built from nothing but what is written here, so neither the host application's environment nor its
//! feature choices can add a header, follow a redirect or decode a body.

mod failure;
#[cfg(feature = "otlp-grpc")]
mod http2;
mod proxy;
mod resolver;
mod settings;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, Url};
use tokio::time::{Instant, timeout_at};

use super::endpoint::Endpoint;
use super::retry;
use super::text::printable;

pub(crate) use failure::HttpFailure;
#[cfg(feature = "otlp-grpc")]
pub(crate) use http2::Http2Client;
pub use settings::MinTls;
pub(crate) use settings::{Auth, HttpSettings, Permit};

const EXCEPTION_CODE: HeaderName = HeaderName::from_static("x-clickhouse-exception-code");
const CLICKHOUSE_USER: HeaderName = HeaderName::from_static("x-clickhouse-user");
const CLICKHOUSE_KEY: HeaderName = HeaderName::from_static("x-clickhouse-key");
const SUMMARY: HeaderName = HeaderName::from_static("x-clickhouse-summary");

/// What we call ourselves.
const USER_AGENT: &str = concat!("tracing-privacy/", env!("CARGO_PKG_VERSION"));

/// No more of an answer is read than this; what comes after it is cut off with the connection.
const ANSWER_CAP: usize = 64 * 1024;

/// A connection that was not used for this long is closed. Longer than the live schedule's five seconds, and short
/// enough that a silent process soon has no connection left to be woken by.
const IDLE: Duration = Duration::from_secs(20);

/// A client that speaks to one endpoint.
pub(crate) struct HttpClient {
    client: Client,
    endpoint: Endpoint,
    settings: HttpSettings,
}

/// One request.
pub(crate) struct Post<'a> {
    /// Must lie on the client's endpoint.
    pub(crate) url: &'a Url,
    pub(crate) content_type: &'static str,
    pub(crate) content_encoding: Option<&'static str>,
    /// What the protocol itself needs, beyond the above.
    pub(crate) headers: &'a [(HeaderName, HeaderValue)],
    pub(crate) body: Bytes,
}

/// What a server answered, and no more of it than anyone needs.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// How long the server asks us to stay away.
    pub(crate) retry_after: Option<Duration>,
    /// The media type in lower case, without parameters.
    pub(crate) content_type: Option<String>,
    /// The host that a redirect points to, fit to be shown.
    pub(crate) redirect_to: Option<String>,
    /// ClickHouse's own number for what went wrong: `X-ClickHouse-Exception-Code`.
    pub(crate) exception_code: Option<u32>,
    /// What ClickHouse says that it did: `X-ClickHouse-Summary`, fit to be shown.
    pub(crate) summary: Option<String>,
    pub(crate) body: Bytes,
    pub(crate) end: BodyEnd,
}

/// How an answer's body ended. The status stands in each case: it was read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    Whole,
    /// It is larger than the cap, and was left.
    TooLong,
    /// It was not there at the deadline.
    TimedOut,
    /// The connection broke.
    Cut,
}

impl HttpClient {
    /// Makes the client; no connection is opened.
    ///
    /// For an encrypted endpoint this reads the machine's root certificates and takes 10–70 ms: not for the host's
    /// threads.
    ///
    /// # Errors
    /// There is no root certificate to be found.
    pub(crate) fn new(endpoint: &Endpoint, settings: &HttpSettings) -> Result<Self, HttpFailure> {
        let config = tls::config(endpoint, settings, b"http/1.1")?;
        let client = builder(endpoint, settings, config).http1_only().build();
        let client = client.map_err(|error| HttpFailure::classify(&error))?;
        Ok(Self { client, endpoint: endpoint.clone(), settings: settings.clone() })
    }

    /// Sends one request and reads the answer, within the total deadline.
    ///
    /// # Errors
    /// No status came back. Whether the server took the request is then unknown.
    pub(crate) async fn post(&self, post: Post<'_>) -> Result<Answer, HttpFailure> {
        let deadline = Instant::now() + self.settings.total_timeout;
        let mut response = self.send(post, deadline).await?;
        let (body, end) = read_body(&mut response, deadline).await;
        let answer = Answer::new(&response, body, end);
        // Nobody drives the runtime between uploads. This lets it close a connection whose answer was not read to its end,
        // and which the server would go on filling.
        drop(response);
        tokio::task::yield_now().await;
        Ok(answer)
    }

    /// Sends one request; of the answer, the head has come.
    async fn send(&self, post: Post<'_>, deadline: Instant) -> Result<Response, HttpFailure> {
        if !self.endpoint.owns(post.url) {
            return Err(HttpFailure::ForeignUrl);
        }
        if let Some(may_go) = &self.settings.permit {
            // It looks at files, and a file system that hangs must not hold up who cuts this.
            let may_go = Arc::clone(may_go);
            if !tokio::task::spawn_blocking(move || may_go()).await.unwrap_or(false) {
                return Err(HttpFailure::Objection);
            }
        }
        // For the same reason: this lets it see that a server has closed an idle connection,
        // which would otherwise be taken from the pool and fail.
        tokio::task::yield_now().await;
        match timeout_at(deadline, self.request(post).send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(HttpFailure::classify(&error)),
            Err(_) => Err(HttpFailure::Timeout),
        }
    }

    fn request(&self, post: Post<'_>) -> RequestBuilder {
        let mut headers = HeaderMap::new();
        for (name, value) in self.settings.headers.iter().chain(post.headers) {
            headers.insert(name.clone(), value.clone());
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(post.content_type));
        if let Some(encoding) = post.content_encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        let request = self.client.post(post.url.clone()).headers(headers).body(post.body);
        // Of these headers there is no other: `HttpSettings::checked`.
        match &self.settings.auth {
            None => request,
            Some(Auth::Bearer(token)) => request.bearer_auth(token.as_str()),
            Some(Auth::Basic { user, password }) => request.basic_auth(user, Some(password.as_str())),
            Some(Auth::ClickHouse { user, key }) => {
                request.header(CLICKHOUSE_USER, secret(user)).header(CLICKHOUSE_KEY, secret(key))
            }
        }
    }
}

/// All that holds for every connection, whatever is spoken on it.
fn builder(endpoint: &Endpoint, settings: &HttpSettings, tls: rustls::ClientConfig) -> ClientBuilder {
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(endpoint.is_encrypted())
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .no_hickory_dns()
        .dns_resolver(resolver::Guarded)
        .user_agent(USER_AGENT)
        .connect_timeout(settings.connect_timeout)
        .tcp_keepalive(None)
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(IDLE);
    proxy::through(builder, endpoint)
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Answer {
    fn new(response: &Response, body: Bytes, end: BodyEnd) -> Self {
        let text = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let redirect = |location: &str| {
            let target = response.url().join(location).ok()?;
            target.host_str().map(|host| printable(host, 100))
        };
        Self {
            status: response.status().as_u16(),
            retry_after: text(RETRY_AFTER).and_then(|value| retry::retry_after(value, text(DATE))),
            content_type: text(CONTENT_TYPE)
                .map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()),
            redirect_to: text(LOCATION).filter(|_| response.status().is_redirection()).and_then(redirect),
            exception_code: text(EXCEPTION_CODE).and_then(|code| code.trim().parse().ok()),
            summary: text(SUMMARY).map(|summary| printable(summary, 500)),
            body,
            end,
        }
    }
}

/// A value that is shown nowhere; it was checked when it was set.
fn secret(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_bytes(text.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

async fn read_body(response: &mut Response, deadline: Instant) -> (Bytes, BodyEnd) {
    if response.content_length().is_some_and(|length| length > ANSWER_CAP as u64) {
        return (Bytes::new(), BodyEnd::TooLong);
    }
    let mut body = BytesMut::new();
    let end = loop {
        match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) if chunk.len() > ANSWER_CAP - body.len() => break BodyEnd::TooLong,
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            Ok(Ok(None)) => break BodyEnd::Whole,
            Ok(Err(_)) => break BodyEnd::Cut,
            Err(_) => break BodyEnd::TimedOut,
        }
    };
    (body.freeze(), end)
}

#[cfg(all(test, feature = "otlp"))]
pub(super) mod tests;
