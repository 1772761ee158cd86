//! Who is asking, as far as the network tells: the peer, or what a trusted proxy says of it.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::SystemTime;

use axum::http::HeaderMap;
use server::controls::Mode;
use server::controls::probe::{PROBE_HEADER, recognise};

use super::Settings;
use super::limiter::Counted;

/// Networks in CIDR notation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<(IpAddr, u8)>);

impl Networks {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|(network, bits)| match (network.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                same_prefix(u128::from(network.to_bits()) << 96, u128::from(address.to_bits()) << 96, *bits)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => same_prefix(network.to_bits(), address.to_bits(), *bits),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        })
    }
}

fn same_prefix(a: u128, b: u128, bits: u8) -> bool {
    bits == 0 || (a ^ b) >> (128 - u32::from(bits)) == 0
}

impl FromStr for Networks {
    type Err = String;

    /// `10.0.0.0/8, 2001:db8::/32`; an address alone is a network of one.
    fn from_str(text: &str) -> Result<Self, String> {
        let network = |part: &str| {
            let wrong = || format!("\"{part}\" is not a network such as 10.0.0.0/8");
            let (address, bits) = part.split_once('/').map_or((part, None), |(address, bits)| (address, Some(bits)));
            let address: IpAddr = address.parse().map_err(|_| wrong())?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
            if bits > most { Err(wrong()) } else { Ok((address, bits)) }
        };
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(network).collect::<Result<_, _>>().map(Self)
    }
}

/// What is known of whoever sent one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    pub address: IpAddr,
    pub counted: Counted,
    /// Whether the connection is encrypted on its way from the person.
    pub secure: bool,
    /// On this machine or a trusted proxy: may ask for its health without TLS.
    pub near: bool,
}

impl Client {
    /// Forwarded headers are believed from trusted networks and from our own probes only.
    pub fn of(peer: IpAddr, over_tls: bool, headers: &HeaderMap, settings: &Settings) -> Self {
        let probe = probe_nonce(headers, &settings.serving.probe_token);
        let trusted = settings.trusted_proxies.contain(peer);
        let believed = trusted || probe.is_some();
        let forwarded_secure = believed
            && settings.serving.mode == Mode::BehindProxy
            && last(headers, "x-forwarded-proto") == Some("https");
        let address = if trusted { forwarded_for(headers, &settings.trusted_proxies).unwrap_or(peer) } else { peer };
        Self {
            address,
            counted: probe.map_or_else(|| Counted::network(address), Counted::Probe),
            secure: over_tls || forwarded_secure,
            near: trusted || peer.to_canonical().is_loopback(),
        }
    }
}

/// The right-most address that is not itself a trusted proxy: everything to its left was written by the client.
fn forwarded_for(headers: &HeaderMap, trusted: &Networks) -> Option<IpAddr> {
    let values = headers.get_all("x-forwarded-for").iter().rev();
    for part in values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.rsplit(',')) {
        let part = part.trim();
        // Some proxies add the port.
        let address =
            part.parse::<IpAddr>().or_else(|_| part.parse::<SocketAddr>().map(|with_port| with_port.ip())).ok()?;
        if !trusted.contain(address) {
            return Some(address);
        }
    }
    None
}

fn last<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next().map(str::trim)
}

fn probe_nonce(headers: &HeaderMap, token: &str) -> Option<u128> {
    recognise(token, headers.get(PROBE_HEADER)?.to_str().ok()?, SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(forwarded: &[&str]) -> HeaderMap {
        forwarded
            .iter()
            .map(|value| ("x-forwarded-for".parse().expect("name"), value.parse().expect("value")))
            .collect()
    }

    #[test]
    fn invented_forwarding_headers_gain_nothing() {
        let trusted: Networks = "10.0.0.0/8".parse().expect("networks");
        let client: IpAddr = "203.0.113.7".parse().expect("address");

        let found = forwarded_for(&headers(&["1.1.1.1, 2.2.2.2, 203.0.113.7, 10.0.0.2"]), &trusted);
        assert_eq!(found, Some(client));
        let found = forwarded_for(&headers(&["1.1.1.1", "203.0.113.7, 10.1.1.1"]), &trusted);
        assert_eq!(found, Some(client));
        assert_eq!(forwarded_for(&headers(&["1.1.1.1, 203.0.113.7:4711"]), &trusted), Some(client));
        assert_eq!(forwarded_for(&headers(&["203.0.113.7, nonsense"]), &trusted), None);
    }

    #[test]
    fn a_network_is_an_address_with_a_prefix() {
        let networks: Networks = "10.0.0.0/8, ::1, 2001:db8::/32".parse().expect("networks");
        let within = |text: &str| networks.contain(text.parse().expect(text));
        assert!(within("10.255.0.1") && within("::1") && within("2001:db8:ffff::1") && within("::ffff:10.0.0.1"));
        assert!(!within("11.0.0.1") && !within("::2") && !within("2001:db9::1"));
        for bad in ["10.0.0.0/33", "ten", "::/129", "10.0.0.0/"] {
            assert!(bad.parse::<Networks>().is_err(), "{bad}");
        }
    }
}
