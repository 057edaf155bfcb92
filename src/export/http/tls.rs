//! How connections are encrypted: rustls with ring, chosen here and not by a process-wide default that the host owns.

use std::sync::Arc;

use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use super::{HttpFailure, HttpSettings, MinTls};
use crate::export::endpoint::Endpoint;

/// The given root certificates or else the machine's own, no version below `min_tls`, and one protocol to speak.
pub(super) fn config(
    endpoint: &Endpoint,
    settings: &HttpSettings,
    protocol: &[u8],
) -> Result<ClientConfig, HttpFailure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions: &[_] = match settings.min_tls {
        MinTls::Tls12 => &[&rustls::version::TLS12, &rustls::version::TLS13],
        MinTls::Tls13 => &[&rustls::version::TLS13],
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| HttpFailure::from(&error))?;
    // Plain http to this machine uses no proxy either, so nothing will be encrypted: reading the certificates would be
    // the only slow thing about it.
    let builder = match &settings.roots {
        _ if endpoint.is_loopback() && !endpoint.is_encrypted() => {
            builder.with_root_certificates(RootCertStore::empty())
        }
        Some(roots) => builder.with_root_certificates(Arc::clone(roots)),
        None => builder.with_platform_verifier().map_err(|error| HttpFailure::from(&error))?,
    };
    let mut config = match &settings.identity {
        Some(identity) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(identity)))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(config)
}
