//! HTTPS: through the proxy that the environment names, to hosts that this machine trusts.
//!
//! `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` (in either case) are read by the connector. Without authorities of
//! its own, it trusts those of the system, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Certificates of authorities that are trusted in place of the system's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorities {
    /// PEM, a certificate each, every one of which can be read.
    certificates: Vec<String>,
}

impl Authorities {
    /// Reads a bundle in PEM (`AWS_CA_BUNDLE`). Certificates that can't be read are left out, as OpenSSL does: bundles of
    /// whole systems hold some that are older than today's rules. `None`: there is no certificate in it.
    pub fn parse(pem: &str) -> Option<Self> {
        const END: &str = "-----END CERTIFICATE-----";
        let blocks = pem.split("-----BEGIN CERTIFICATE-----").skip(1).filter_map(|rest| rest.split_once(END));
        let blocks = blocks.map(|(body, _)| format!("-----BEGIN CERTIFICATE-----{body}{END}\n"));
        let certificates: Vec<String> = blocks.filter(|block| readable(block)).collect();
        (!certificates.is_empty()).then_some(Self { certificates })
    }

    fn trust(&self) -> TrustStore {
        self.certificates.iter().fold(TrustStore::empty(), |store, pem| store.with_pem_certificate(pem.as_bytes()))
    }
}

fn readable(pem: &str) -> bool {
    CertificateDer::from_pem_slice(pem.as_bytes()).is_ok_and(|certificate| RootCertStore::empty().add(certificate).is_ok())
}

/// What this machine trusts, or these authorities.
fn context(authorities: Option<&Authorities>) -> TlsContext {
    let trust = authorities.map_or_else(TrustStore::default, Authorities::trust);
    // It can't fail: what is in it was read before.
    TlsContext::builder().with_trust_store(trust).build().unwrap_or_default()
}

fn built(context: TlsContext, settings: Option<&HttpConnectorSettings>, components: Option<&RuntimeComponents>) -> Connector {
    let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env()).tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context);
    connector.set_connector_settings(settings.cloned());
    connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
    connector.build()
}

/// Returns the client that everything goes through.
pub(crate) fn client(authorities: Option<&Authorities>) -> SharedHttpClient {
    let context = context(authorities);
    Builder::new().build_with_connector_fn(move |settings, components| built(context.clone(), settings, components))
}

/// The same way for a request that is none of the SDK's.
pub(crate) fn connector(authorities: Option<&Authorities>) -> SharedHttpConnector {
    SharedHttpConnector::new(built(context(authorities), None, None))
}
