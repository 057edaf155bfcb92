//! Looks names up, and looks again at what comes back.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::super::endpoint::{is_forbidden, is_localhost, is_loopback};

/// The system's resolver, without the addresses that no receiver has.
///
/// An endpoint's name is checked when it is read, but who owns the name decides later where it leads: to the service
/// that hands out a cloud machine's credentials, say. And `localhost`, which may be asked without encryption, must be
/// this machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guarded;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| Unresolved)?;
            let addresses = permitted(name.as_str(), found)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn permitted(
    name: &str,
    found: impl Iterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
    let mut found = found.peekable();
    if found.peek().is_none() {
        return Err(Unresolved.into());
    }
    let local = is_localhost(name);
    let permitted: Vec<_> =
        found.filter(|address| !is_forbidden(address.ip()) && (!local || is_loopback(address.ip()))).collect();
    if permitted.is_empty() { Err(ForbiddenAddress.into()) } else { Ok(permitted) }
}

/// Every address of the name is one that must not be asked.
#[derive(Debug)]
pub(super) struct ForbiddenAddress;

/// The name has no address.
#[derive(Debug)]
pub(super) struct Unresolved;

impl fmt::Display for ForbiddenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to a forbidden address")
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name has no address")
    }
}

impl Error for ForbiddenAddress {}
impl Error for Unresolved {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, found: &[&str]) -> Result<Vec<String>, String> {
        let found = found.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0));
        permitted(name, found)
            .map(|found| found.iter().map(|address| address.ip().to_string()).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_that_leads_to_the_metadata_service_is_not_followed() {
        for ip in ["169.254.169.254", "fe80::1", "::ffff:169.254.1.1", "fd00:ec2::254", "0.0.0.0", "64:ff9b::a9fe:a9fe"]
        {
            assert_eq!(check("rebound.example", &[ip]), Err(ForbiddenAddress.to_string()), "{ip}");
        }
    }

    #[test]
    fn of_several_addresses_the_permitted_ones_remain() {
        assert_eq!(
            check("dual.example", &["fe80::1", "192.0.2.1", "2001:db8::1"]).unwrap(),
            ["192.0.2.1", "2001:db8::1"]
        );
        assert_eq!(check("nothing.example", &[]), Err(Unresolved.to_string()));
    }

    #[test]
    fn localhost_is_this_machine_whatever_the_resolver_says() {
        assert_eq!(check("localhost", &["::1", "127.0.0.1", "192.0.2.1"]).unwrap(), ["::1", "127.0.0.1"]);
        assert!(check("LOCALHOST", &["192.0.2.1"]).is_err());
        assert!(check("example", &["192.0.2.1"]).is_ok());
    }
}
