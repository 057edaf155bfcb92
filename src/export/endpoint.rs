//! Where telemetry may be sent: an address that was read is one that the rules allow.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// The base address of a receiver: absolute, without credentials, and plain http only where nobody listens in.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    url: Url,
    host: String,
    reach: Reach,
    /// Who may see what is not encrypted, besides this machine.
    plaintext_hosts: Vec<String>,
}

/// How far a request to the endpoint travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Loopback,
    Network,
}

impl Reach {
    /// That of a host without brackets.
    fn of(host: &str) -> Self {
        match host.parse() {
            Ok(address) if is_loopback(address) => Reach::Loopback,
            Err(_) if host == LOCALHOST => Reach::Loopback,
            _ => Reach::Network,
        }
    }
}

impl Endpoint {
    /// Reads an endpoint as it stands in `setting` (named in the error).
    ///
    /// Allowed are `https` to any host, and `http` to this machine (127.0.0.0/8, `::1`, `localhost`) and to
    /// `plaintext_hosts`.
    ///
    /// # Errors
    /// Not an absolute http(s) URL, or one with credentials, a query or a fragment, or a host that must not be asked.
    /// Neither path nor query nor credentials appear in the error: all three have been seen to hold keys.
    pub(crate) fn parse(setting: &str, text: &str, plaintext_hosts: &[String]) -> Result<Self, EndpointError> {
        let refuse = |fault| EndpointError { setting: setting.to_owned(), fault };
        let text = text.trim();
        // The URL parser skips line breaks and mends missing slashes; an address that needs mending is not what was meant.
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(refuse(Fault::Characters));
        }
        if !has_scheme(text, "http://") && !has_scheme(text, "https://") {
            return Err(refuse(Fault::NotAbsolute));
        }
        let url = Url::parse(text).map_err(|_| refuse(Fault::Unreadable))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse(Fault::Credentials));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse(Fault::Query));
        }
        if url.port() == Some(0) {
            return Err(refuse(Fault::Unreadable));
        }
        let host = plain_host(url.host_str().unwrap_or_default());
        if host.is_empty() {
            return Err(refuse(Fault::Unreadable));
        }
        let address: Option<IpAddr> = host.parse().ok();
        if address.is_some_and(is_forbidden) {
            return Err(refuse(Fault::Forbidden { host }));
        }
        let reach = Reach::of(&host);
        let plaintext_hosts = plaintext_hosts.iter().map(|listed| plain_host(listed.trim())).collect();
        let endpoint = Self { url, host, reach, plaintext_hosts };
        if !endpoint.is_encrypted() && !endpoint.is_open_to(&endpoint.host) {
            return Err(refuse(Fault::Plaintext { host: endpoint.host }));
        }
        Ok(endpoint)
    }

    /// Whether the host, as it stands in a URL, may see what is not encrypted: this machine, or one that is listed.
    pub(crate) fn is_open_to(&self, host: &str) -> bool {
        let host = plain_host(host);
        Reach::of(&host) == Reach::Loopback || self.plaintext_hosts.contains(&host)
    }

    /// The host in lower case: a name, or an address without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Whether requests stay on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.reach == Reach::Loopback
    }

    /// Whether the connection is encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The address of one signal: `join("v1/logs")` appends that path to the base.
    ///
    /// A base that already ends with one of the signals' paths is cut back first, since people copy either form.
    pub(crate) fn join(&self, signal: &str) -> Url {
        let mut base = self.url.path().trim_end_matches('/');
        for known in ["/v1/logs", "/v1/traces", "/v1/metrics"] {
            base = base.strip_suffix(known).unwrap_or(base);
        }
        let path = format!("{}/{signal}", base.trim_end_matches('/'));
        let mut url = self.url.clone();
        url.set_path(&path);
        url
    }

    /// The base address itself, with these parameters.
    pub(crate) fn with_query<'a>(&self, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Url {
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(parameters);
        url
    }

    /// Whether the URL leads to this endpoint's scheme, host and port.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        self.url.scheme() == url.scheme()
            && self.url.host_str() == url.host_str()
            && self.url.port_or_known_default() == url.port_or_known_default()
    }

    /// Whether both have one scheme, host and port: what opens the one is meant for the other.
    pub(crate) fn is_beside(&self, other: &Endpoint) -> bool {
        self.owns(&other.url)
    }
}

/// Scheme, host and port: the path may hold a key.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url.origin().ascii_serialization())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

/// Why an endpoint was not accepted; its text names the setting and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndpointError {
    setting: String,
    fault: Fault,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    Characters,
    NotAbsolute,
    Unreadable,
    Credentials,
    Query,
    Forbidden { host: String },
    Plaintext { host: String },
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let setting = &self.setting;
        match &self.fault {
            Fault::Characters => write!(
                f,
                "{setting} contains white space, a backslash or a control character: write a plain address, as in \
                 \"https://telemetry.example.com\""
            ),
            Fault::NotAbsolute => write!(
                f,
                "{setting} is not an absolute http or https URL: write the scheme too, as in \
                 \"https://telemetry.example.com\""
            ),
            Fault::Unreadable => write!(
                f,
                "{setting} is not a URL with a usable host and port: write it as in \
                 \"https://telemetry.example.com:4318\""
            ),
            Fault::Credentials => write!(
                f,
                "{setting} contains a user name or password: take it out of the URL and give it with \
                 .basic(user, password) or .bearer(token)"
            ),
            Fault::Query => write!(
                f,
                "{setting} has a query or fragment: write only scheme, host, port and path, and give keys with \
                 .header(name, value)"
            ),
            Fault::Forbidden { host } => write!(
                f,
                "{setting} names {host}, which is link-local, a cloud metadata service or no single machine: name \
                 the receiver by its own address"
            ),
            Fault::Plaintext { host } => write!(
                f,
                "{setting} would send to {host} unencrypted: use https, or permit it for this host with \
                 .allow_plaintext_to(\"{host}\")"
            ),
        }
    }
}

impl std::error::Error for EndpointError {}

const LOCALHOST: &str = "localhost";

/// Whether the name stands for this machine, so that its addresses must be loopback ones too.
pub(crate) fn is_localhost(name: &str) -> bool {
    plain_host(name) == LOCALHOST
}

pub(crate) fn is_loopback(address: IpAddr) -> bool {
    // A translated address goes out to a gateway, so only a mapped one counts here.
    match address {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback()),
    }
}

/// Addresses that no receiver has: link-local ones, where clouds put the service that hands out credentials, the two
/// such services that are elsewhere (Alibaba Cloud, and AWS over IPv6), and those that are not one machine.
pub(crate) fn is_forbidden(address: IpAddr) -> bool {
    match unmapped(address) {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4 == Ipv4Addr::new(100, 100, 100, 200)
        }
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
        }
    }
}

/// The IPv4 address inside an IPv6 one, where there is one: mapped (`::ffff:0:0/96`) or translated (`64:ff9b::/96`).
fn unmapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = v6.segments() {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        return IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    }
    v6.to_ipv4_mapped().map_or(address, IpAddr::V4)
}

fn has_scheme(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// Lower case, without the brackets of an IPv6 address and the dot that ends a full name.
fn plain_host(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Endpoint, EndpointError> {
        Endpoint::parse(".otlp(..)", text, &["collector.lan".to_owned(), "10.0.0.7".to_owned()])
    }

    #[test]
    fn https_goes_anywhere_and_plain_http_only_where_it_may() {
        for (text, host, loopback) in [
            ("https://telemetry.example.com", "telemetry.example.com", false),
            ("https://Telemetry.Example.com:8443/base/", "telemetry.example.com", false),
            ("  https://t.example\n", "t.example", false),
            ("https://10.1.2.3", "10.1.2.3", false),
            ("https://[2001:db8::1]:4318", "2001:db8::1", false),
            ("http://localhost:4318", "localhost", true),
            ("HTTP://LOCALHOST.:4318", "localhost", true),
            ("http://127.0.0.1:4318", "127.0.0.1", true),
            ("http://127.9.9.9", "127.9.9.9", true),
            ("http://2130706433/", "127.0.0.1", true),
            ("http://[::1]:4318", "::1", true),
            ("http://[::ffff:127.0.0.1]", "::ffff:7f00:1", true),
            ("http://collector.lan:4318", "collector.lan", false),
            ("http://COLLECTOR.lan.", "collector.lan", false),
            ("http://10.0.0.7:4318", "10.0.0.7", false),
        ] {
            let endpoint = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((endpoint.host(), endpoint.is_loopback()), (host, loopback), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_address_of_a_receiver_is_refused_with_a_remedy() {
        for (text, remedy) in [
            ("", "https://"),
            ("telemetry.example.com", "https://"),
            ("telemetry.example.com:4318", "https://"),
            ("//telemetry.example.com", "https://"),
            ("ftp://telemetry.example.com", "https://"),
            ("file:///etc/passwd", "https://"),
            ("https:telemetry.example.com", "https://"),
            ("https:\\\\telemetry.example.com", "https://"),
            ("https://exa mple.com", "https://"),
            ("https://exa\nmple.com", "https://"),
            ("https://", "https://"),
            ("https://:4318", "https://"),
            ("https://t.example:99999", "https://"),
            ("https://t.example:0", "https://"),
            ("https://[::1", "https://"),
            ("https://user@t.example", ".basic("),
            ("https://user:hunter2@t.example", ".basic("),
            ("https://t.example/?token=hunter2", ".header("),
            ("https://t.example/#hunter2", ".header("),
            ("http://t.example", ".allow_plaintext_to(\"t.example\")"),
            ("http://t.example/hunter2", ".allow_plaintext_to(\"t.example\")"),
            ("http://192.168.0.2:4318", ".allow_plaintext_to(\"192.168.0.2\")"),
            ("http://localhost.evil.example", ".allow_plaintext_to(\"localhost.evil.example\")"),
            ("http://127.0.0.1.nip.io", ".allow_plaintext_to(\"127.0.0.1.nip.io\")"),
            ("http://128.0.0.1", ".allow_plaintext_to("),
            ("http://[64:ff9b::7f00:1]", ".allow_plaintext_to("),
            ("http://not-collector.lan", ".allow_plaintext_to("),
            ("https://169.254.169.254/latest", "own address"),
            ("https://0xa9fea9fe", "own address"),
            ("https://[fe80::1]", "own address"),
            ("https://[::ffff:169.254.169.254]", "own address"),
            ("https://[64:ff9b::a9fe:a9fe]", "own address"),
            ("https://[fd00:ec2::254]", "own address"),
            ("https://100.100.100.200", "own address"),
            ("https://0.0.0.0:4318", "own address"),
            ("https://[::]", "own address"),
            ("https://224.0.0.1", "own address"),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.starts_with(".otlp(..) ") && error.contains(remedy), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_listed_host_may_be_asked_but_never_a_forbidden_one() {
        let listed = ["169.254.169.254".to_owned()];
        assert!(Endpoint::parse("x", "http://169.254.169.254", &listed).is_err());
    }

    #[test]
    fn the_path_of_a_signal_is_appended_once() {
        for (base, joined) in [
            ("https://t.example", "https://t.example/v1/logs"),
            ("https://t.example/", "https://t.example/v1/logs"),
            ("https://t.example:4318/otlp", "https://t.example:4318/otlp/v1/logs"),
            ("https://t.example/otlp//", "https://t.example/otlp/v1/logs"),
            ("https://t.example/v1/logs", "https://t.example/v1/logs"),
            ("https://t.example/a/v1/traces/", "https://t.example/a/v1/logs"),
            ("https://t.example/v1", "https://t.example/v1/v1/logs"),
        ] {
            assert_eq!(parse(base).unwrap().join("v1/logs").as_str(), joined);
        }
    }

    #[test]
    fn a_url_belongs_to_the_endpoint_only_with_the_same_scheme_host_and_port() {
        let endpoint = parse("https://t.example/base").unwrap();
        for (url, own) in [
            ("https://t.example/other", true),
            ("https://T.example:443/", true),
            ("http://t.example/", false),
            ("https://t.example:8443/", false),
            ("https://evil.example/", false),
            ("https://t.example.evil.example/", false),
        ] {
            assert_eq!(endpoint.owns(&Url::parse(url).unwrap()), own, "{url}");
        }
    }

    #[test]
    fn debug_and_display_show_no_path() {
        let endpoint = parse("https://t.example/key-hunter2").unwrap();
        assert_eq!(format!("{endpoint} {endpoint:?}"), "https://t.example Endpoint(https://t.example)");
    }
}
