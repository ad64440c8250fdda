//! TLS that accepts every certificate, and says what is wrong with it.

use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme, StreamOwned,
};

/// A time at which every certificate has expired.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// What is known about a certificate.
#[derive(Debug, Clone)]
pub(in crate::cli::doctor) struct Certificate {
    /// Why a browser would refuse it.
    pub(in crate::cli::doctor) refused: Option<String>,
    /// The days until it expires, negative after that.
    pub(in crate::cli::doctor) days: Option<i64>,
}

/// The verifier with the system's root certificates. Blocks for reading them.
pub(super) fn verifier() -> Option<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(ring::default_provider());
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    builder.build().ok()
}

/// Begins TLS for a host.
pub(super) fn handshake(
    mut stream: TcpStream,
    host: &str,
    verifier: Option<Arc<WebPkiServerVerifier>>,
) -> Result<(StreamOwned<ClientConnection, TcpStream>, Arc<Recorder>), String> {
    let host = host.trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
    let provider = Arc::new(ring::default_provider());
    let recorder = Arc::new(Recorder {
        verifier,
        provider: Arc::clone(&provider),
        seen: Mutex::new(None),
    });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), name);
    let mut connection = connection.map_err(|error| error.to_string())?;
    while connection.is_handshaking() {
        let done = connection.complete_io(&mut stream);
        done.map_err(|error| error.to_string())?;
    }
    Ok((StreamOwned::new(connection, stream), recorder))
}

/// Verifies a certificate as a browser does, and keeps the outcome instead of refusing it: a doctor
/// that stopped there would find one fault at a time. No secret is sent over the connection.
#[derive(Debug)]
pub(super) struct Recorder {
    verifier: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<Certificate>>,
}

impl Recorder {
    /// The certificate of the connection.
    pub(super) fn certificate(&self) -> Option<Certificate> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(verifier) = &self.verifier else {
            return Ok(ServerCertVerified::assertion());
        };
        let verify = |at| {
            let verdict = verifier.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                at,
            );
            verdict.err()
        };
        let refused = verify(now).map(|error| error.to_string());
        let far = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()) + FAR);
        let days = match verify(far) {
            Some(Error::InvalidCertificate(CertificateError::ExpiredContext {
                not_after, ..
            })) => days_between(now, not_after),
            Some(_) | None => None,
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Some(Certificate { refused, days });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The whole days from one time to another.
fn days_between(from: UnixTime, to: UnixTime) -> Option<i64> {
    let seconds = |time: UnixTime| i64::try_from(time.as_secs()).ok();
    Some((seconds(to)? - seconds(from)?).div_euclid(24 * 3600))
}
