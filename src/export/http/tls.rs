//! How connections are encrypted: rustls with ring, chosen here and not by a process-wide default that the host owns.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use super::{HttpFailure, MinTls};
use crate::export::endpoint::Endpoint;

/// The machine's own root certificates, and no version below `min_tls`.
pub(super) fn config(endpoint: &Endpoint, min_tls: MinTls) -> Result<ClientConfig, HttpFailure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions: &[_] = match min_tls {
        MinTls::Tls12 => &[&rustls::version::TLS12, &rustls::version::TLS13],
        MinTls::Tls13 => &[&rustls::version::TLS13],
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| HttpFailure::from(&error))?;
    // Plain http to this machine uses no proxy either, so nothing will be encrypted: reading the certificates would be
    // the only slow thing about it.
    let builder = if endpoint.is_loopback() && !endpoint.is_encrypted() {
        builder.with_root_certificates(RootCertStore::empty())
    } else {
        builder.with_platform_verifier().map_err(|error| HttpFailure::from(&error))?
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
