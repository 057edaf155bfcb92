//! The same client over HTTP/2, for protocols that say in the trailers behind a body what became of the request.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body as _;
use tokio::time::{Instant, timeout_at};

use super::{ANSWER_CAP, Answer, BodyEnd, HttpClient, HttpFailure, HttpSettings, Post, builder, tls};
use crate::export::endpoint::Endpoint;

/// A client that speaks HTTP/2, and nothing else, to one endpoint.
pub(crate) struct Http2Client {
    http: HttpClient,
    tls: rustls::ClientConfig,
}

impl Http2Client {
    /// As [`HttpClient::new`].
    ///
    /// # Errors
    /// There is no root certificate to be found.
    pub(crate) fn new(endpoint: &Endpoint, settings: &HttpSettings) -> Result<Self, HttpFailure> {
        let tls = tls::config(endpoint, settings, b"h2")?;
        let client = client(endpoint, settings, &tls)?;
        Ok(Self { http: HttpClient { client, endpoint: endpoint.clone(), settings: settings.clone() }, tls })
    }

    /// Sends one request and reads the answer, within the total deadline. With it come its header fields, and over them
    /// the trailer fields, if the answer came to its end.
    ///
    /// # Errors
    /// No status came back. Whether the server took the request is then unknown.
    pub(crate) async fn call(&mut self, post: Post<'_>) -> Result<(Answer, HeaderMap), HttpFailure> {
        let result = self.exchange(post).await;
        if !matches!(&result, Ok((answer, _)) if answer.end == BodyEnd::Whole) {
            self.forget_connection();
        }
        result
    }

    async fn exchange(&self, post: Post<'_>) -> Result<(Answer, HeaderMap), HttpFailure> {
        let deadline = Instant::now() + self.http.settings.total_timeout;
        let response = self.http.send(post, deadline).await?;
        let mut answer = Answer::new(&response, Bytes::new(), BodyEnd::Whole);
        let mut fields = response.headers().clone();
        let mut content = reqwest::Body::from(response);
        let mut body = BytesMut::new();
        answer.end = loop {
            match timeout_at(deadline, poll_fn(|context| Pin::new(&mut content).poll_frame(context))).await {
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if data.len() > ANSWER_CAP - body.len() => break BodyEnd::TooLong,
                    Ok(data) => body.extend_from_slice(&data),
                    Err(frame) => fields.extend(frame.into_trailers().unwrap_or_default()),
                },
                Ok(Some(Err(_))) => break BodyEnd::Cut,
                Ok(None) => break BodyEnd::Whole,
                Err(_) => break BodyEnd::TimedOut,
            }
        };
        answer.body = body.freeze();
        Ok((answer, fields))
    }

    /// The next request opens a connection. One that is dead looks like one that is idle: over HTTP/2 a request that is
    /// given up leaves its connection open, and each one after it would be lost in the same way.
    fn forget_connection(&mut self) {
        if let Ok(client) = client(&self.http.endpoint, &self.http.settings, &self.tls) {
            self.http.client = client;
        }
    }
}

/// What TLS is made of holds keys.
impl fmt::Debug for Http2Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2Client").field("http", &self.http).finish_non_exhaustive()
    }
}

/// Makes the client anew with certificates that are read already.
fn client(
    endpoint: &Endpoint,
    settings: &HttpSettings,
    tls: &rustls::ClientConfig,
) -> Result<reqwest::Client, HttpFailure> {
    // What the server may have sent before anybody wants it.
    const WINDOW: u32 = ANSWER_CAP as u32;
    let builder = builder(endpoint, settings, tls.clone());
    // Without encryption there is no tunnel, and no proxy passes such a request on.
    let builder = if endpoint.is_encrypted() { builder } else { builder.no_proxy() };
    builder
        .http2_prior_knowledge()
        .http2_initial_stream_window_size(WINDOW)
        .http2_initial_connection_window_size(WINDOW)
        .http2_max_header_list_size(16 * 1024)
        .build()
        .map_err(|error| HttpFailure::classify(&error))
}
