//! Why no answer came.

use std::error::Error;
use std::{fmt, io};

use super::resolver::{ForbiddenAddress, Unresolved};

/// A request that ended without a status. Its text holds no URL, no body and no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum HttpFailure {
    /// Somebody has said no since the last request; nothing was sent.
    Objection,
    /// The URL is not on the endpoint that the client was made for; nothing was sent.
    ForeignUrl,
    /// The name leads to an address that no receiver has; nothing was sent.
    ForbiddenAddress,
    /// The name has no address.
    Unresolved,
    /// No connection, or the proxy gave none.
    Connect,
    /// The TLS handshake failed, or there are no root certificates.
    Tls(String),
    /// Nothing, or not everything, came before the deadline.
    Timeout,
    /// The connection ended before an answer, or what came was not HTTP.
    Cut,
}

impl HttpFailure {
    /// Whether certainly no byte of the request has left. A failure of TLS may also come in the middle of one.
    #[cfg(feature = "clickhouse")]
    pub(crate) fn is_unsent(&self) -> bool {
        match self {
            Self::Objection | Self::ForeignUrl | Self::ForbiddenAddress | Self::Unresolved | Self::Connect => true,
            Self::Tls(_) | Self::Timeout | Self::Cut => false,
        }
    }

    pub(super) fn classify(error: &reqwest::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(at) = cause {
            if let Some(known) = Self::known(at) {
                return known;
            }
            // What an `io::Error` carries is not its source but itself, and it may carry another one.
            cause = match at.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(carried) => Some(carried),
                None => at.source(),
            };
        }
        match () {
            () if error.is_timeout() => Self::Timeout,
            () if error.is_connect() => Self::Connect,
            () => Self::Cut,
        }
    }

    fn known(error: &(dyn Error + 'static)) -> Option<Self> {
        if error.is::<ForbiddenAddress>() {
            return Some(Self::ForbiddenAddress);
        }
        if error.is::<Unresolved>() {
            return Some(Self::Unresolved);
        }
        error.downcast_ref::<rustls::Error>().map(Self::from)
    }
}

impl From<&rustls::Error> for HttpFailure {
    fn from(error: &rustls::Error) -> Self {
        // Names found in a certificate are the server's words.
        Self::Tls(super::printable(&error.to_string(), 200))
    }
}

impl fmt::Display for HttpFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Objection => f.write_str("somebody said no meanwhile"),
            Self::ForeignUrl => f.write_str("the address is not on the configured endpoint"),
            Self::ForbiddenAddress => f.write_str("the host's name leads to an address that no receiver has"),
            Self::Unresolved => f.write_str("the host's name has no address"),
            Self::Connect => f.write_str("no connection to the server"),
            Self::Tls(why) => write!(f, "no encrypted connection to the server: {why}"),
            Self::Timeout => f.write_str("no answer in time"),
            Self::Cut => f.write_str("the connection ended without an answer"),
        }
    }
}

impl Error for HttpFailure {}
