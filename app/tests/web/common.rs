//! A served world: the real router on a real socket, with or without TLS, and servers that are broken on purpose.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use app::http::assets::Assets;
use app::http::layers::Front;
use app::http::{Settings, Site, serve};
use axum::Router;
use server::clock::Clock;
use server::controls::{Instance, Mode, Serving};
use server::testing::World;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion};

pub struct Served {
    pub world: World,
    pub instance: Instance,
    pub site: Arc<Site>,
    pub address: SocketAddr,
    pub stop: watch::Sender<bool>,
}

/// Files that stand in for the built style sheet.
fn assets(world: &World) -> Assets {
    let folder: PathBuf = world.folder.join("site");
    std::fs::create_dir_all(folder.join("pkg")).expect("folder");
    for file in ["pkg/avouch.css", "display.woff2", "icon.svg"] {
        std::fs::write(folder.join(file), b"x").expect("file");
    }
    Assets::load(&folder).expect("assets")
}

pub fn acceptor(versions: &[&'static SupportedProtocolVersion]) -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("key");
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("configuration");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

pub async fn plain() -> Served {
    served(World::new().await, Mode::Plain, None, "").await
}

pub async fn over_tls() -> Served {
    served(World::new().await, Mode::OwnTls, Some(acceptor(&[&TLS12, &TLS13])), "").await
}

/// Serves a world. `proxies` are the networks whose forwarded headers are believed.
pub async fn served(world: World, mode: Mode, tls: Option<TlsAcceptor>, proxies: &str) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("address");
    let scheme = if mode == Mode::Plain { "http" } else { "https" };
    let mut instance = world.instance();
    instance.clock = Clock::Real;
    instance.serving =
        Serving { address, mode, public_url: format!("{scheme}://localhost:{}", address.port()), ..instance.serving };
    let settings = Settings {
        serving: instance.serving.clone(),
        hosts: vec![format!("localhost:{}", address.port()), address.to_string()],
        trusted_proxies: proxies.parse().expect("networks"),
    };
    let site = Site::open(Arc::clone(&world.profile), world.visitor(), Clock::Real, settings, assets(&world)).await;
    let site = Arc::new(site.expect("site"));
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(serve::serve(listener, tls, Front::new(Arc::clone(&site)), stopping));
    Served { world, instance, site, address, stop }
}

/// A server without any of our layers, to see the checks fail.
pub async fn naked(instance: &Instance, router: Router) -> Instance {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("address");
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move {
        serve::serve(listener, None, Front::without_layers(router), stopping).await;
        drop(stop);
    });
    Instance { serving: Serving { address, mode: Mode::Plain, ..instance.serving.clone() }, ..instance.clone() }
}

/// Sends bytes as they are and reads the answer until the server closes or falls silent.
pub async fn raw(address: SocketAddr, request: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connect");
    stream.write_all(request.as_bytes()).await.expect("send");
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(std::time::Duration::from_secs(15), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// One GET that closes the connection, with further header lines.
pub async fn get(address: SocketAddr, path: &str, headers: &str) -> String {
    raw(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n")).await
}

pub fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}
