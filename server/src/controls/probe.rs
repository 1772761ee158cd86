//! A visitor of our own: asks this instance over the network, as anybody would, and says that it is a probe.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme, SupportedProtocolVersion};

use super::instance::{Mode, Serving};

/// The header by which a probe is known: `nonce.seconds.proof`. Each nonce has limits of its own.
pub const PROBE_HEADER: &str = "x-avouch-probe";

/// How far the two ends' clocks and the way between them may be apart, in seconds.
const PROBE_LASTS: u64 = 30;

/// Says who is asking without handing over what proves it: whoever listens learns one nonce, good for half a minute.
pub fn introduce(token: &str, nonce: u128, at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("{nonce:032x}.{seconds:016x}.{}", proof(token, nonce, seconds))
}

/// The nonce of an introduction that was made with `token`, lately.
pub fn recognise(token: &str, introduction: &str, now: SystemTime) -> Option<u128> {
    let mut parts = introduction.split('.');
    let (nonce, seconds, shown) = (parts.next()?, parts.next()?, parts.next()?);
    let (nonce, seconds) = (u128::from_str_radix(nonce, 16).ok()?, u64::from_str_radix(seconds, 16).ok()?);
    let lately = now.duration_since(UNIX_EPOCH).ok()?.as_secs().abs_diff(seconds) <= PROBE_LASTS;
    let wanted = proof(token, nonce, seconds);
    let same = shown.len() == wanted.len()
        && shown.bytes().zip(wanted.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0;
    (lately && same && parts.next().is_none()).then_some(nonce)
}

/// Every part has a fixed length, so nothing can be appended.
fn proof(token: &str, nonce: u128, seconds: u64) -> String {
    crate::crypto::sha256_hex(format!("avouch/probe/1/{token}/{nonce:032x}/{seconds:016x}").as_bytes())
}

/// What only a server with the same master key can answer to a probe with this nonce.
pub fn recognition(token: &str, nonce: u128) -> String {
    crate::crypto::sha256_hex(format!("avouch/probe-recognition/1/{token}/{nonce:032x}").as_bytes())
}

/// An answer longer than this is not one of our pages.
const LONGEST: usize = 4 * 1024 * 1024;

/// How long one answer may take: well below what a whole check may, and above what a busy machine makes people wait.
const PATIENCE: Duration = Duration::from_secs(12);

#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error("the server did not answer")]
    Unreachable(#[from] std::io::Error),
    #[error("the server broke the connection")]
    Broken(#[from] hyper::Error),
    #[error("the server did not answer in time")]
    TooSlow,
    #[error("the server's answer is longer than any of its pages")]
    TooLong,
    #[error("the address cannot be asked for")]
    BadAddress,
    #[error("the page has no form")]
    NoForm,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// One connection to this instance.
pub struct Probe {
    send: SendRequest<Full<Bytes>>,
    host: String,
    token: Arc<str>,
    nonce: u128,
    recognised_by: String,
    forwarded: Option<&'static str>,
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Probe({})", self.host)
    }
}

impl Probe {
    /// Connects as people do: over TLS where the server speaks it, else as the trusted proxy would.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn connect(serving: &Serving) -> Result<Self, ProbeError> {
        let forwarded = (serving.mode == Mode::BehindProxy).then_some("https");
        Self::open(serving, serving.mode == Mode::OwnTls, forwarded).await
    }

    /// Connects without TLS, or as a proxy that was itself asked without.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn connect_plain(serving: &Serving) -> Result<Self, ProbeError> {
        let forwarded = (serving.mode == Mode::BehindProxy).then_some("http");
        Self::open(serving, false, forwarded).await
    }

    async fn open(serving: &Serving, tls: bool, forwarded: Option<&'static str>) -> Result<Self, ProbeError> {
        let stream = within(TcpStream::connect(serving.address)).await??;
        let send = if tls {
            let connector = TlsConnector::from(Arc::new(client_config(None)?));
            let stream = within(connector.connect(server_name(&serving.public_url), stream)).await??;
            spawn_connection(TokioIo::new(stream)).await?
        } else {
            spawn_connection(TokioIo::new(stream)).await?
        };
        let host = authority(&serving.public_url).to_owned();
        let nonce = uuid::Uuid::now_v7();
        let token = Arc::clone(&serving.probe_token);
        let recognised_by = recognition(&serving.probe_token, nonce.as_u128());
        Ok(Self { send, host, token, nonce: nonce.as_u128(), recognised_by, forwarded })
    }

    /// Whether the answer came from an instance with our own master key.
    pub fn recognised(&self, answer: &Answer) -> bool {
        answer.header(PROBE_HEADER) == self.recognised_by
    }

    /// # Errors
    /// See [`ProbeError`].
    pub async fn get(&mut self, path: &str) -> Result<Answer, ProbeError> {
        self.send("GET", path, &[], Vec::new()).await
    }

    /// Announces a body of `bytes` and sends it.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn post(&mut self, path: &str, bytes: usize) -> Result<Answer, ProbeError> {
        self.send("POST", path, &[], vec![b'a'; bytes]).await
    }

    /// Anything at all.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, ProbeError> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header(PROBE_HEADER, introduce(&self.token, self.nonce, SystemTime::now()));
        if let Some(forwarded) = self.forwarded {
            request = request.header("x-forwarded-proto", forwarded);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|_| ProbeError::BadAddress)?;
        within(self.send.ready()).await??;
        let answer = within(self.send.send_request(request)).await??;
        let (parts, body) = answer.into_parts();
        let body = within(http_body_util::Limited::new(body, LONGEST).collect())
            .await?
            .map_err(|_| ProbeError::TooLong)?
            .to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}

/// The cookie header of a session.
pub fn session_cookie(id: &str) -> String {
    format!("__Host-session={id}")
}

/// A form as a page of this instance carries it: the token in its cookie and in its field.
#[derive(Clone, Debug, Default)]
pub struct Form {
    pub cookie: String,
    pub token: String,
}

impl Form {
    /// Opens a page, signed in or not, and takes the token that its forms carry.
    ///
    /// # Errors
    /// [`ProbeError::NoForm`] when the page has none.
    pub async fn from_page(probe: &mut Probe, path: &str, session: Option<&str>) -> Result<Self, ProbeError> {
        let with_session = session.map(session_cookie);
        let headers: Vec<(&str, &str)> = with_session.iter().map(|cookie| ("cookie", cookie.as_str())).collect();
        let answer = probe.send("GET", path, &headers, Vec::new()).await?;
        let cookies = answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
        let set = cookies.filter_map(|line| line.split(';').next()).find(|pair| pair.starts_with("__Host-csrf="));
        let page = String::from_utf8_lossy(&answer.body).into_owned();
        let field = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let (Some(set), Some(token)) = (set, field) else { return Err(ProbeError::NoForm) };
        let cookie = with_session.map_or_else(|| set.to_owned(), |session| format!("{session}; {set}"));
        Ok(Self { cookie, token: token.to_owned() })
    }

    /// Sends fields as a program would.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn send(&self, probe: &mut Probe, path: &str, fields: &[(&str, &str)]) -> Result<Answer, ProbeError> {
        let body: serde_json::Map<String, serde_json::Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let headers = [
            ("cookie", self.cookie.as_str()),
            ("x-csrf-token", self.token.as_str()),
            ("accept", "application/json"),
            ("content-type", "application/json"),
        ];
        probe.send("POST", path, &headers, serde_json::to_vec(&body).unwrap_or_default()).await
    }
}

async fn within<F: Future>(work: F) -> Result<F::Output, ProbeError> {
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| ProbeError::TooSlow)
}

async fn spawn_connection<S>(stream: TokioIo<S>) -> Result<SendRequest<Full<Bytes>>, ProbeError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (send, connection) = within(handshake(stream)).await??;
    tokio::spawn(async move {
        // The request that failed tells; the connection has nothing to add.
        let _ = connection.await;
    });
    Ok(send)
}

/// `host[:port]` of an origin.
pub fn authority(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/')
}

/// The host of an origin, without port and brackets.
pub fn host_of(url: &str) -> &str {
    let host = authority(url);
    let port = host.rsplit_once(':').filter(|(_, port)| port.chars().all(|c| c.is_ascii_digit()));
    port.map_or(host, |(host, _)| host).trim_start_matches('[').trim_end_matches(']')
}

fn server_name(url: &str) -> ServerName<'static> {
    let nameless = std::net::IpAddr::from([127, 0, 0, 1]);
    ServerName::try_from(host_of(url).to_owned()).unwrap_or_else(|_| ServerName::IpAddress(nameless.into()))
}

/// Whether a handshake in exactly this version succeeds.
///
/// # Errors
/// When the server cannot be reached at all.
pub async fn handshakes(
    address: std::net::SocketAddr,
    url: &str,
    version: &'static SupportedProtocolVersion,
) -> Result<bool, ProbeError> {
    let stream = within(TcpStream::connect(address)).await??;
    let connector = TlsConnector::from(Arc::new(client_config(Some(version))?));
    Ok(within(connector.connect(server_name(url), stream)).await?.is_ok())
}

/// A client that looks at versions, not at who signed: which certificate is served is the certificate watch's question.
fn client_config(version: Option<&'static SupportedProtocolVersion>) -> Result<ClientConfig, ProbeError> {
    let provider = ring::default_provider();
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(Arc::new(provider));
    let builder = match version {
        Some(version) => builder.with_protocol_versions(&[version]),
        None => builder.with_safe_default_protocol_versions(),
    };
    let builder = builder.map_err(|_| ProbeError::BadAddress)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(algorithms))).with_no_client_auth())
}

#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
