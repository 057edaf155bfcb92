//! Which proxy a connection goes through.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, Proxy};

use crate::export::endpoint::Endpoint;

/// The system's proxy, for what it cannot read: through it an encrypted connection is a tunnel. A request that is not encrypted it
/// would read whole, credentials included, so that goes to the receiver itself, unless the proxy is on this machine or is
/// one of those that may see such requests, too.
pub(super) fn through(builder: ClientBuilder, endpoint: &Endpoint) -> ClientBuilder {
    match () {
        () if endpoint.is_loopback() => builder.no_proxy(),
        () if endpoint.is_encrypted() => builder,
        () => match reader(endpoint, &Matcher::from_system()) {
            Some(proxy) => builder.proxy(proxy),
            None => builder.no_proxy(),
        },
    }
}

/// The proxy that may read requests to this endpoint.
fn reader(endpoint: &Endpoint, system: &Matcher) -> Option<Proxy> {
    let address: Uri = endpoint.to_string().parse().ok()?;
    let found =
        system.intercept(&address).filter(|found| found.uri().host().is_some_and(|host| endpoint.is_open_to(host)))?;
    let proxy = Proxy::http(found.uri().to_string()).ok()?;
    Some(match found.basic_auth() {
        Some(authorization) => proxy.custom_http_auth(authorization.clone()),
        None => proxy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_encrypted_is_read_by_a_proxy_here_or_by_one_that_is_named() {
        let listed = ["collector.lan".to_owned(), " Proxy.LAN. ".to_owned(), "192.0.2.7".to_owned()];
        let endpoint = Endpoint::parse("the test", "http://collector.lan:4318", &listed).unwrap();
        for (proxy, is_used) in [
            ("http://localhost:3128", true),
            ("localhost:3128", true),
            ("http://127.0.0.2:3128", true),
            ("http://[::1]:3128", true),
            ("http://user:hunter2@LOCALHOST.:3128", true),
            ("http://proxy.lan:3128", true),
            ("https://proxy.lan", true),
            ("http://192.0.2.7", true),
            ("http://192.0.2.8", false),
            ("http://proxy.example:3128", false),
            ("https://proxy.example:3128", false),
            ("http://localhost.example:3128", false),
            ("http://localhost@proxy.example:3128", false),
            ("http://not-proxy.lan", false),
            ("http://0x7f000001:3128", false),
            ("socks5://proxy.example:1080", false),
            ("", false),
        ] {
            assert_eq!(reader(&endpoint, &Matcher::builder().all(proxy).build()).is_some(), is_used, "{proxy}");
        }
        let excepted = Matcher::builder().all("http://localhost:3128").no(".lan").build();
        assert!(reader(&endpoint, &excepted).is_none());
    }
}
