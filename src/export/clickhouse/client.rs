//! Statements over ClickHouse's HTTP interface.

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;

use super::encoder::Format;
use super::errors::{self, Verdict};
use super::insert::Insert;
use super::table::Table;
use super::target::Target;
use crate::export::endpoint::Endpoint;
use crate::export::http::{Answer, HttpClient, HttpFailure, HttpSettings, Post};

/// A client of one server and database. Making one opens nothing.
pub(crate) struct Client {
    endpoint: Endpoint,
    http: HttpSettings,
    target: Target,
    client: OnceLock<HttpClient>,
}

impl Client {
    pub(crate) fn new(endpoint: Endpoint, http: HttpSettings, target: Target) -> Self {
        Self { endpoint, http, target, client: OnceLock::new() }
    }

    /// One with the same settings, and connections of its own.
    pub(super) fn another(&self) -> Self {
        Self::new(self.endpoint.clone(), self.http.clone(), self.target.clone())
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Makes the HTTP client if there is none yet, which takes 10–70 ms for an encrypted endpoint.
    ///
    /// # Errors
    /// As [`HttpClient::new`].
    pub(super) fn prepare(&self) -> Result<(), HttpFailure> {
        self.client().map(drop)
    }

    /// Sends an insert once. Needs a tokio runtime with I/O and time.
    pub(crate) async fn insert(&self, insert: &Insert) -> Verdict {
        let token = Some(insert.token.as_str());
        self.insert_body(insert.table, insert.format, token, insert.content_encoding, insert.body.clone()).await
    }

    /// The same without rows, which no server refuses for what is in them.
    pub(super) async fn insert_nothing(&self, table: Table, format: Format) -> Verdict {
        // Not a byte less: some servers want to be told the length of a body, and of an empty one they are not.
        let body = Bytes::from_static(match format {
            Format::Native => b"\0\0",
            Format::JsonEachRow => b"\n",
        });
        self.insert_body(table, format, None, None, body).await
    }

    async fn insert_body(
        &self,
        table: Table,
        format: Format,
        token: Option<&str>,
        content_encoding: Option<&'static str>,
        body: Bytes,
    ) -> Verdict {
        let statement = self.target.schema().insert(table, format);
        let fixed = [
            ("query", statement.as_str()),
            // Without this the server says 200 first and finds out afterwards.
            ("wait_end_of_query", "1"),
        ];
        let token = token.map(|token| ("insert_deduplication_token", token));
        let url = self.endpoint.with_query(
            fixed
                .into_iter()
                .chain(token.into_iter().filter(|_| self.target.sends_token()))
                .chain(self.target.settings(format)),
        );
        let post = Post { url: &url, content_type: "application/octet-stream", content_encoding, headers: &[], body };
        errors::verdict(self.post(post).await.as_ref())
    }

    /// Runs a statement and returns what it printed. The statement goes in the body: URLs are logged on the way.
    ///
    /// # Errors
    /// What the server, or its silence, means.
    pub(super) async fn statement(&self, sql: &str) -> Result<Bytes, Verdict> {
        let url = self.endpoint.with_query([("wait_end_of_query", "1")]);
        let post = Post {
            url: &url,
            content_type: "text/plain; charset=utf-8",
            content_encoding: None,
            headers: &[],
            body: Bytes::copy_from_slice(sql.as_bytes()),
        };
        let result = self.post(post).await;
        match (errors::failure(result.as_ref()), result) {
            (None, Ok(answer)) => Ok(answer.body),
            (Some(verdict), _) => Err(verdict),
            (None, Err(failure)) => Err(errors::verdict(Err(&failure))),
        }
    }

    async fn post(&self, post: Post<'_>) -> Result<Answer, HttpFailure> {
        self.client()?.post(post).await
    }

    fn client(&self) -> Result<&HttpClient, HttpFailure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = HttpClient::new(&self.endpoint, &self.http)?;
        Ok(self.client.get_or_init(|| client))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.endpoint).field("target", &self.target).finish_non_exhaustive()
    }
}

/// A text as it stands in a statement.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_a_text() {
        assert_eq!(literal("it's \\"), "'it\\'s \\\\'");
    }
}
