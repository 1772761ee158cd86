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
use server::identity::Accounts;
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
    for file in
        ["pkg/avouch.css", "display.woff2", "icon.svg", "people.js", "reviews.js", "pkg/avouch.js", "pkg/avouch.wasm"]
    {
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
    let accounts = Accounts { public_url: instance.serving.public_url.clone(), ..world.accounts().clone() };
    let site =
        Site::open(Arc::clone(&world.profile), world.visitor(), Clock::Real, settings, assets(&world), accounts).await;
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
    let (mut from, mut to) = tokio::net::TcpStream::connect(address).await.expect("connect").into_split();
    let mut answer = Vec::new();
    // A server that has heard enough answers before it has everything, and closes.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(15), async {
        tokio::join!(to.write_all(request.as_bytes()), from.read_to_end(&mut answer))
    })
    .await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// One GET that closes the connection, with further header lines.
pub async fn get(address: SocketAddr, path: &str, headers: &str) -> String {
    raw(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n")).await
}

pub fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// A world of the profile in which signing up is open to everybody, changed by replacing text; limits wide enough for a test.
pub async fn open_to(changes: &[(&str, &str)]) -> Served {
    let wide = [
        ("forms_per_minute = ", "forms_per_minute = 50"),
        ("sign_ins_per_minute = 30", "sign_ins_per_minute = 300"),
        ("changes_per_minute = 120", "changes_per_minute = 12000"),
    ];
    let all: Vec<_> = wide.iter().chain(changes).copied().collect();
    of_profile(server::testing::profile("stratuslog", &all)).await
}

pub async fn of_profile(profile: Arc<server::profile::Profile>) -> Served {
    served(World::with(profile).await, Mode::Plain, None, "").await
}

impl Served {
    /// The letters that are queued, as they would be sent now.
    pub async fn letters(&self) -> Vec<(String, String)> {
        self.world.letters_at(time::OffsetDateTime::now_utc()).await
    }
}

/// A browser without script: keeps cookies, takes the token out of a page's form, and sends it back.
#[derive(Clone)]
pub struct Browser {
    address: SocketAddr,
    cookies: std::collections::BTreeMap<String, String>,
}

impl Browser {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, cookies: std::collections::BTreeMap::new() }
    }

    /// Holds a session that was made elsewhere.
    pub fn sign_in_with(&mut self, session: &str) {
        self.cookies.insert("__Host-session".to_owned(), session.to_owned());
    }

    fn cookie_header(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { String::new() } else { format!("cookie: {}\r\n", pairs.join("; ")) }
    }

    fn keep(&mut self, answer: &str) {
        let head = answer.split("\r\n\r\n").next().unwrap_or_default();
        for line in head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            let (name, value) = line.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    pub async fn get(&mut self, path: &str, headers: &str) -> String {
        let answer = get(self.address, path, &format!("{}{headers}", self.cookie_header())).await;
        self.keep(&answer);
        answer
    }

    /// The token of a page's forms.
    pub async fn token(&mut self, page: &str) -> String {
        let page = self.get(page, "accept: text/html\r\n").await;
        let rest = page.split("name=\"csrf\" value=\"").nth(1).unwrap_or_else(|| unreachable!("no form: {page}"));
        rest.split('"').next().unwrap_or_default().to_owned()
    }

    /// Sends a body as it is.
    pub async fn forged(&mut self, path: &str, kind: &str, headers: &str, body: &str) -> String {
        let cookies = self.cookie_header();
        let accept = if headers.contains("accept:") { "" } else { "accept: application/json\r\n" };
        let kind = if kind.is_empty() { String::new() } else { format!("content-type: {kind}\r\n") };
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{cookies}{kind}{accept}{headers}content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let answer = raw(self.address, &request).await;
        self.keep(&answer);
        answer
    }

    async fn post(&mut self, page: &str, path: &str, fields: &[(&str, &str)], accept: &str) -> String {
        let token = self.token(page).await;
        let body =
            form_urlencoded::Serializer::new(String::new()).append_pair("csrf", &token).extend_pairs(fields).finish();
        self.forged(path, "application/x-www-form-urlencoded", accept, &body).await
    }

    /// Sends a form as a program does.
    pub async fn send(&mut self, page: &str, path: &str, fields: &[(&str, &str)]) -> String {
        self.post(page, path, fields, "accept: application/json\r\n").await
    }

    /// Sends a form as a person's browser does.
    pub async fn form(&mut self, page: &str, path: &str, fields: &[(&str, &str)]) -> String {
        self.post(page, path, fields, "accept: text/html\r\n").await
    }

    /// Sets an authenticator app up, with the key as the page shows it.
    pub async fn enrol(&mut self, policy: &server::profile::policy::Mfa) {
        let page = self.get("/account/mfa/enrol", "accept: text/html\r\n").await;
        let shown = page.split("data-totp-secret=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a key");
        let secret = server::crypto::totp::TotpSecret::from_base32(shown).expect("base32");
        let seconds = u64::try_from(time::OffsetDateTime::now_utc().unix_timestamp()).expect("positive");
        let code = secret.code_at(policy, seconds).expect("code");
        let answer = self.send("/account/mfa/enrol", "/api/confirm-totp", &[("code", &code)]).await;
        assert!(status(&answer) == 200 && answer.contains("backup_codes"), "{answer}");
    }

    /// The address that this browser is signed in with.
    pub async fn mail(&mut self, _: &Served) -> String {
        let page = self.get("/account", "accept: text/html\r\n").await;
        let rest = page.split("You sign in as <b>").nth(1).unwrap_or_else(|| unreachable!("no address: {page}"));
        rest.split('<').next().unwrap_or_default().to_owned()
    }
}
