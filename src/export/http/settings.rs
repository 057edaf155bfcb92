//! What an application may say about the connection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::{CLICKHOUSE_KEY, CLICKHOUSE_USER};

/// The oldest version of TLS that is accepted from a receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum MinTls {
    /// TLS 1.2, for receivers that have nothing newer.
    Tls12,
    /// TLS 1.3: the default.
    #[default]
    Tls13,
}

/// Time-outs, TLS, authorization and headers of the client.
///
/// Setting never fails; the first mistake is kept for [`checked`](HttpSettings::checked).
#[derive(Clone)]
pub(crate) struct HttpSettings {
    pub(crate) min_tls: MinTls,
    /// To resolve, connect and shake hands. Default: 2 seconds.
    pub(crate) connect_timeout: Duration,
    /// From the start to the end of the answer. Default: 5 seconds.
    pub(crate) total_timeout: Duration,
    pub(super) auth: Option<Auth>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// The only authorities that are trusted; none: the machine's own.
    pub(super) roots: Option<Arc<RootCertStore>>,
    /// The certificate that we show, and its key.
    pub(super) identity: Option<Arc<CertifiedKey>>,
    pub(super) mistake: Option<HttpSettingError>,
    /// Asked before each request. Default: it may go.
    pub(crate) permit: Option<Permit>,
}

/// Tells whether anything may still be sent.
pub(crate) type Permit = Arc<dyn Fn() -> bool + Send + Sync>;

/// Who we are to the server. Opaque in `Debug`, wiped from memory when dropped.
#[derive(Clone)]
pub(crate) enum Auth {
    Bearer(Zeroizing<String>),
    Basic {
        user: String,
        password: Zeroizing<String>,
    },
    /// ClickHouse's own headers.
    ClickHouse {
        user: String,
        key: Zeroizing<String>,
    },
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            min_tls: MinTls::default(),
            connect_timeout: Duration::from_secs(2),
            total_timeout: Duration::from_secs(5),
            auth: None,
            headers: Vec::new(),
            roots: None,
            identity: None,
            mistake: None,
            permit: None,
        }
    }
}

impl HttpSettings {
    /// Sends `Authorization: Bearer …`; replaces what was set before.
    pub(crate) fn bearer(&mut self, token: &str) {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return self.complain(Mistake::Bearer);
        }
        self.auth = Some(Auth::Bearer(Zeroizing::new(token.to_owned())));
    }

    /// Sends `Authorization: Basic …`; replaces what was set before.
    pub(crate) fn basic(&mut self, user: &str, password: &str) {
        let readable = |text: &str| !text.chars().any(char::is_control);
        if user.contains(':') || !readable(user) || !readable(password) {
            return self.complain(Mistake::Basic);
        }
        self.auth = Some(Auth::Basic { user: user.to_owned(), password: Zeroizing::new(password.to_owned()) });
    }

    /// Sends `X-ClickHouse-User` and `X-ClickHouse-Key`; replaces what was set before.
    pub(crate) fn clickhouse_user(&mut self, user: &str, password: &str) {
        let readable = |text: &str| !text.chars().any(char::is_control);
        if user.is_empty() || !readable(user) || !readable(password) {
            return self.complain(Mistake::ClickHouseUser);
        }
        self.auth = Some(Auth::ClickHouse { user: user.to_owned(), key: Zeroizing::new(password.to_owned()) });
    }

    /// Trusts these authorities (PEM) and no others; replaces what was set before.
    pub(crate) fn ca_certificate(&mut self, pem: &[u8]) {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            if certificate.map_or(true, |certificate| roots.add(certificate).is_err()) {
                return self.complain(Mistake::CaCertificate);
            }
        }
        if roots.is_empty() {
            return self.complain(Mistake::CaCertificate);
        }
        self.roots = Some(Arc::new(roots));
    }

    /// Shows this certificate (PEM, with those between it and its authority) to servers that ask for one.
    pub(crate) fn client_certificate(&mut self, chain: &[u8], key: &[u8]) {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let (Ok(chain), Ok(key)) = (chain, PrivateKeyDer::from_pem_slice(key)) else {
            return self.complain(Mistake::ClientCertificate);
        };
        let provider = rustls::crypto::ring::default_provider();
        // It checks that the key belongs to the certificate.
        match CertifiedKey::from_der(chain, key, &provider) {
            Ok(identity) if !identity.cert.is_empty() => self.identity = Some(Arc::new(identity)),
            _ => self.complain(Mistake::ClientCertificate),
        }
    }

    /// Sends a header with every request. The same name again replaces the value.
    pub(crate) fn header(&mut self, name: &str, value: &str) {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            return self.complain(Mistake::HeaderName);
        };
        if is_reserved(&name) {
            return self.complain(Mistake::ReservedHeader(name));
        }
        let Ok(mut value) = HeaderValue::from_str(value) else {
            return self.complain(Mistake::HeaderValue(name));
        };
        value.set_sensitive(true);
        self.headers.retain(|(earlier, _)| *earlier != name);
        self.headers.push((name, value));
    }

    /// Takes out whatever says who is asking, but no other header and no certificate.
    pub(crate) fn forget_user(&mut self) {
        self.auth = None;
        self.headers.retain(|(name, _)| ![AUTHORIZATION, CLICKHOUSE_USER, CLICKHOUSE_KEY].contains(name));
    }

    /// Takes out authorization, headers and certificates.
    pub(crate) fn forget_credentials(&mut self) {
        self.auth = None;
        self.headers.clear();
        self.roots = None;
        self.identity = None;
    }

    /// The settings, if all of them can be used.
    ///
    /// # Errors
    /// The first value that cannot be a part of a request, by the name of its setting; never the value. Or two settings that
    /// would both say who is asking: of two such headers a server takes the one or the other, or refuses both.
    pub(crate) fn checked(&self) -> Result<(), HttpSettingError> {
        self.mistake.clone().map_or(Ok(()), Err)?;
        let Some(auth) = &self.auth else { return Ok(()) };
        match self.headers.iter().find(|(name, _)| auth.is_sent_in(name)) {
            Some((name, _)) => {
                Err(HttpSettingError(Mistake::SaidTwice { header: name.clone(), setting: auth.setting() }))
            }
            None => Ok(()),
        }
    }

    fn complain(&mut self, mistake: Mistake) {
        self.mistake.get_or_insert(HttpSettingError(mistake));
    }
}

impl Auth {
    fn is_sent_in(&self, header: &HeaderName) -> bool {
        match self {
            Self::Bearer(_) | Self::Basic { .. } => *header == AUTHORIZATION,
            Self::ClickHouse { .. } => *header == CLICKHOUSE_USER || *header == CLICKHOUSE_KEY,
        }
    }

    /// What it was set by.
    fn setting(&self) -> &'static str {
        match self {
            Self::Bearer(_) => ".bearer(token)",
            Self::Basic { .. } => ".basic(user, password)",
            Self::ClickHouse { .. } => ".user(name, password)",
        }
    }
}

impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("HttpSettings")
            .field("min_tls", &self.min_tls)
            .field("connect_timeout", &self.connect_timeout)
            .field("total_timeout", &self.total_timeout)
            .field("auth", &self.auth)
            .field("headers", &names)
            .field("own_roots", &self.roots.is_some())
            .field("client_certificate", &self.identity.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer(..)",
            Self::Basic { .. } => "Basic(..)",
            Self::ClickHouse { .. } => "ClickHouse(..)",
        })
    }
}

/// A setting that cannot be a part of a request; its text names the setting and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpSettingError(Mistake);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Mistake {
    Bearer,
    Basic,
    ClickHouseUser,
    CaCertificate,
    ClientCertificate,
    HeaderName,
    ReservedHeader(HeaderName),
    HeaderValue(HeaderName),
    SaidTwice { header: HeaderName, setting: &'static str },
}

impl fmt::Display for HttpSettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Mistake::Bearer => f.write_str(
                "the token of .bearer(token) is empty or holds something besides visible ASCII: give the bare token, \
                 without \"Bearer\" and line breaks",
            ),
            Mistake::Basic => f.write_str(
                "the user of .basic(user, password) holds a colon, or one of both a control character: take it out",
            ),
            Mistake::ClickHouseUser => f.write_str(
                "the user of .user(name, password) is empty, or one of both holds a control character: write both as \
                 the server knows them",
            ),
            Mistake::CaCertificate => f.write_str(
                "the text of .ca_certificate(pem) holds no certificate of an authority, or a broken one: give the PEM \
                 file's content, from \"-----BEGIN CERTIFICATE-----\" on",
            ),
            Mistake::ClientCertificate => f.write_str(
                "certificate and key of .client_certificate(chain, key) are not a readable pair: give the content of \
                 both PEM files, the key unencrypted",
            ),
            Mistake::HeaderName => f.write_str(
                "the name of .header(name, value) is not a header name: use letters, digits and hyphens, as in \
                 .header(\"x-api-key\", key)",
            ),
            Mistake::ReservedHeader(name) => write!(
                f,
                ".header(\"{name}\", ..) would change how requests are framed or recognised: leave it to this crate"
            ),
            Mistake::HeaderValue(name) => write!(
                f,
                "the value of .header(\"{name}\", ..) holds a line break, a control character or a letter beyond \
                 ASCII: take it out"
            ),
            Mistake::SaidTwice { header, setting } => {
                write!(f, "{setting} and .header(\"{header}\", ..) both say who is asking: leave one of them out")
            }
        }
    }
}

impl std::error::Error for HttpSettingError {}

/// Headers that say what the message is, where it goes or what comes back; and cookies, which would make users
/// recognisable.
fn is_reserved(name: &HeaderName) -> bool {
    const RESERVED: [&str; 16] = [
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "range",
    ];
    let name = name.as_str();
    RESERVED.contains(&name) || name.starts_with("proxy-") || name.starts_with("grpc-")
}

#[cfg(test)]
mod tests;
