//! How the listening connection reaches PostgreSQL: by the settings that libpq, which all other connections use, takes from
//! the same url.
//!
//! libpq's rules for `sslmode` and `sslrootcert`: <https://www.postgresql.org/docs/current/libpq-ssl.html>.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::url::Url;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Parameters of a url that tokio-postgres reads as libpq does. What else libpq knows does not matter to a connection that
/// only listens, or is read below.
const PASSED_ON: [&str; 14] = [
    "user",
    "password",
    "dbname",
    "host",
    "hostaddr",
    "port",
    "options",
    "application_name",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "target_session_attrs",
    "channel_binding",
];

/// Parameters that restrict whom libpq trusts, and that cannot be followed here.
const NOT_FOLLOWED: [&str; 5] = ["sslcrl", "sslcrldir", "sslpassword", "ssl_min_protocol_version", "requirepeer"];

/// Where and how to connect.
#[derive(Clone)]
pub(super) struct Settings {
    pub config: tokio_postgres::Config,
    pub tls: MakeRustlsConnect,
}

/// How far the server's certificate is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checked {
    /// Not at all.
    Nothing,
    /// Its chain.
    Chain,
    /// Its chain and the name of the host.
    ChainAndName,
}

impl Settings {
    /// Reads the url of a database.
    ///
    /// Fails, with a text for the person who starts the program, when a certificate or key cannot be read, and when the
    /// url asks for a check that cannot be made here.
    pub fn of(url: &str) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| error.to_string())?;
        let parameter =
            |name: &str| url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
        if let Some(name) = NOT_FOLLOWED.into_iter().find(|name| parameter(name).is_some()) {
            return Err(format!("{name} is not supported"));
        }

        let (mode, negotiation) = (parameter("sslmode"), parameter("sslnegotiation"));
        let root = parameter("sslrootcert").map_or_else(default_root, |root| Some(PathBuf::from(root)));
        let (mode, checked) = match (mode.as_deref().unwrap_or("prefer"), &root) {
            ("disable", _) => ("disable", Checked::Nothing),
            // To begin without TLS, as `allow` does, would bring no connection that `prefer` does not.
            ("allow" | "prefer", _) => ("prefer", Checked::Nothing),
            ("require", None) => ("require", Checked::Nothing),
            ("require" | "verify-ca", _) => ("require", Checked::Chain),
            ("verify-full", _) => ("require", Checked::ChainAndName),
            (other, _) => return Err(format!("sslmode {other:?} is not known")),
        };

        let passed_on = url.query_pairs().filter(|(name, _)| PASSED_ON.contains(&&**name));
        let own = [("sslmode", mode)].into_iter().chain(negotiation.as_deref().map(|text| ("sslnegotiation", text)));
        let mut plain = url.clone();
        plain.query_pairs_mut().clear().extend_pairs(passed_on).extend_pairs(own);
        let config = plain.as_str().parse().map_err(|error: tokio_postgres::Error| error.to_string())?;

        let mut client = client(verifier(checked, root.as_deref())?, parameter("sslcert"), parameter("sslkey"))?;
        client.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Self { config, tls: MakeRustlsConnect::new(client) })
    }
}

/// Where libpq looks for certificates to trust when the url names none.
fn default_root() -> Option<PathBuf> {
    Some(std::env::home_dir()?.join(".postgresql/root.crt")).filter(|path| path.exists())
}

fn client(
    verifier: Arc<dyn ServerCertVerifier>,
    certificate: Option<String>,
    key: Option<String>,
) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(Path::new(&certificate))?;
    let key = PrivateKeyDer::from_pem_file(&key).map_err(|error| format!("sslkey {key} cannot be read: {error}"))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| format!("sslcert {certificate}: {error}"))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |error: rustls::pki_types::pem::Error| {
        format!("the certificates in {} cannot be read: {error}", path.display())
    };
    let all = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    all.collect::<Result<Vec<_>, _>>().map_err(unreadable)
}

fn verifier(checked: Checked, root: Option<&Path>) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let provider = Arc::new(ring::default_provider());
    if checked == Checked::Nothing {
        return Ok(Arc::new(Unchecked(provider)));
    }

    let trusted = match root.map(Path::to_str) {
        None => return Err("sslmode asks for a certificate to trust: set sslrootcert".into()),
        Some(Some("system")) => rustls_native_certs::load_native_certs().certs,
        Some(_) => certificates(root.unwrap_or_else(|| Path::new("")))?,
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted.iter().cloned());
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let chain = chain.map_err(|error| format!("no certificate to trust is in sslrootcert: {error}"))?;
    Ok(Arc::new(Chain { chain, trusted, checks_name: checked == Checked::ChainAndName }))
}

/// Takes any certificate: the connection is encrypted, to whoever answers.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Takes a certificate that leads to a trusted one, or is trusted itself as a self-signed server's may be.
#[derive(Debug)]
struct Chain {
    chain: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
    checks_name: bool,
}

impl ServerCertVerifier for Chain {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.trusted.iter().any(|trusted| trusted == certificate) {
            if self.checks_name {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }

        // The name is looked at last: when it alone is wrong, the chain is right.
        match self.chain.verify_server_cert(certificate, others, name, stapled, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.checks_name => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::SslMode;

    use super::*;

    #[test]
    fn a_url_is_read_as_libpq_reads_it() {
        for (parameters, mode) in [
            ("", SslMode::Prefer),
            ("?sslmode=disable", SslMode::Disable),
            ("?sslmode=allow", SslMode::Prefer),
            ("?sslmode=require&gssencmode=disable&krbsrvname=x&keepalives_count=3", SslMode::Require),
            ("?sslmode=verify-full&sslrootcert=system", SslMode::Require),
        ] {
            let Ok(settings) = Settings::of(&format!("postgres://me:p%40ss@db.example/shop{parameters}")) else {
                panic!("{parameters} is read");
            };
            assert_eq!(settings.config.get_ssl_mode(), mode, "{parameters}");
            assert_eq!(settings.config.get_password(), Some(&b"p@ss"[..]), "{parameters}");
            assert_eq!(settings.config.get_dbname(), Some("shop"), "{parameters}");
        }
    }

    #[test]
    fn what_cannot_be_checked_is_refused_by_name() {
        for (parameters, part) in [
            ("sslmode=verify-full&sslrootcert=/nowhere/ca.crt", "/nowhere/ca.crt"),
            ("sslmode=verify-ca&sslrootcert=/dev/null", "sslrootcert"),
            ("sslmode=require&sslcrl=/etc/crl.pem", "sslcrl"),
            ("sslmode=strict", "strict"),
        ] {
            let Err(problem) = Settings::of(&format!("postgres://me@db.example/shop?{parameters}")) else {
                panic!("{parameters} is refused");
            };
            assert!(problem.contains(part), "{problem}");
        }
    }
}
