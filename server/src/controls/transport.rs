//! Encryption in transit: which TLS versions this server speaks, what plain HTTP gets, and HSTS.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use super::instance::{Mode, Serving};
use super::probe::{Probe, ProbeError, authority, handshakes, host_of};
use super::{Instance, Seen};
use crate::profile::policy::TlsVersion;

const PLAIN: &str = "This development instance serves plain HTTP on this machine, without TLS.";

pub async fn tls(instance: &Instance) -> Result<Seen, ProbeError> {
    let serving = &instance.serving;
    let address = match serving.mode {
        Mode::Plain => return Ok(Seen::Unavailable(PLAIN.into())),
        Mode::OwnTls => serving.address,
        Mode::BehindProxy => match public_address(serving).await {
            Some(address) => address,
            None => {
                return Ok(Seen::Failing(
                    "The public address does not resolve from here, so its TLS could not be looked at.".into(),
                ));
            }
        },
    };
    let old_allowed = instance.profile.policy.transport.tls == TlsVersion::V1_2;
    let spoken = |yes: bool| if yes { "accepted" } else { "refused" };
    let (v11, v12, v13) = (
        accepts_tls_1_1(address, &serving.public_url).await?,
        handshakes(address, &serving.public_url, &TLS12).await?,
        handshakes(address, &serving.public_url, &TLS13).await?,
    );
    let said = format!("TLS 1.1 {}, TLS 1.2 {}, TLS 1.3 {}.", spoken(v11), spoken(v12), spoken(v13));
    let upheld = !v11 && v13 && v12 == old_allowed;
    Ok(if upheld { Seen::Upheld(said) } else { Seen::Failing(said) })
}

async fn public_address(serving: &Serving) -> Option<SocketAddr> {
    let host = authority(&serving.public_url);
    let with_port = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        host.to_owned()
    } else {
        format!("{host}:443")
    };
    tokio::net::lookup_host(with_port).await.ok()?.next()
}

pub async fn redirect(instance: &Instance) -> Result<Seen, ProbeError> {
    if instance.serving.mode == Mode::Plain {
        return Ok(Seen::Unavailable(PLAIN.into()));
    }
    let answer = Probe::connect_plain(&instance.serving).await?.get("/trust?state=failing").await?;
    let wanted = format!("{}/trust?state=failing", instance.serving.public_url);
    let (status, location) = (answer.status.as_u16(), answer.header("location"));
    let redirected = status == 308 && location == wanted && wanted.starts_with("https://") && answer.body.is_empty();
    Ok(if redirected {
        Seen::Upheld("Plain HTTP is answered 308 to https, without a body.".into())
    } else {
        Seen::Failing(format!("Plain HTTP is answered {status} with {} bytes.", answer.body.len()))
    })
}

pub async fn hsts(instance: &Instance) -> Result<Seen, ProbeError> {
    if instance.serving.mode == Mode::Plain {
        return Ok(Seen::Unavailable(PLAIN.into()));
    }
    let mut probe = Probe::connect(&instance.serving).await?;
    let wanted = u64::from(instance.profile.policy.transport.hsts_days.get()) * 86_400;
    let mut shortest = u64::MAX;
    for path in ["/trust", "/robots.txt", "/nothing-is-here", "/healthz"] {
        let answer = probe.get(path).await?;
        let seconds = answer
            .header("strict-transport-security")
            .split(';')
            .find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<u64>().ok());
        match seconds {
            Some(seconds) if seconds >= wanted => shortest = shortest.min(seconds),
            Some(seconds) => {
                return Ok(Seen::Failing(format!(
                    "Strict-Transport-Security on {path} lasts {} days.",
                    seconds / 86_400
                )));
            }
            None => return Ok(Seen::Failing(format!("No Strict-Transport-Security on {path}."))),
        }
    }
    Ok(Seen::Upheld(format!("Strict-Transport-Security of {} days on pages, files and errors.", shortest / 86_400)))
}

/// Speaks TLS 1.1 by hand, since no library of ours can, and sees whether the server goes along.
async fn accepts_tls_1_1(address: SocketAddr, url: &str) -> Result<bool, ProbeError> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&client_hello_1_1(host_of(url))).await?;
    let mut head = [0; 5];
    match tokio::time::timeout(Duration::from_secs(3), stream.read_exact(&mut head)).await {
        // A handshake record is a ServerHello; an alert is a refusal.
        Ok(Ok(_)) => Ok(head[0] == 0x16),
        // So is a closed door.
        Ok(Err(_)) => Ok(false),
        Err(_) => Err(ProbeError::TooSlow),
    }
}

/// RFC 4346: a record of type 22 with a ClientHello for version 3.2 and suites of that time, for this host (RFC 6066).
fn client_hello_1_1(host: &str) -> Vec<u8> {
    const SUITES: [u8; 10] = [0xc0, 0x13, 0xc0, 0x14, 0xc0, 0x09, 0x00, 0x2f, 0x00, 0x35];
    const GROUPS_AND_POINTS: [u8; 18] =
        [0x00, 0x0a, 0x00, 0x08, 0x00, 0x06, 0x00, 0x17, 0x00, 0x18, 0x00, 0x1d, 0x00, 0x0b, 0x00, 0x02, 0x01, 0x00];
    let sized = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes(), bytes].concat();
    let named = host.parse::<std::net::IpAddr>().is_err();
    let name = sized(&[&[0x00], sized(host.as_bytes()).as_slice()].concat());
    let server_name = if named { [&[0x00, 0x00], sized(&name).as_slice()].concat() } else { Vec::new() };
    let hello = [
        [0x03, 0x02].as_slice(),
        &[0x5a; 32],
        &[0x00],
        &sized(&SUITES),
        &[0x01, 0x00],
        &sized(&[server_name.as_slice(), &GROUPS_AND_POINTS].concat()),
    ]
    .concat();
    let handshake = [&[0x01, 0x00], sized(&hello).as_slice()].concat();
    [&[0x16, 0x03, 0x01], sized(&handshake).as_slice()].concat()
}
