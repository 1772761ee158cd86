//! Where a request came from, as far as people should be told: a browser, a system, a network. Never the exact address.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Accounts;
use crate::crypto::seal::SealError;
use crate::crypto::secret::Ticket;
use crate::guard::AccountId;

/// What is remembered of where something came from; stored sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// `Firefox on Linux`.
    pub device: String,
    /// `203.0.113.0/24` or `2001:db8:1::/48`: the network only.
    pub network: String,
}

#[derive(Clone, Debug)]
pub struct Origin {
    pub place: Place,
    /// Who is counted together: an address, an IPv6 network of 64 bits, or one run of one of our own probes.
    pub counted: String,
    /// The browser's own mark, if it brought one.
    pub device: Option<Ticket>,
}

impl Origin {
    pub fn new(address: IpAddr, counted: String, user_agent: &str, device: Option<Ticket>) -> Self {
        let place = Place { device: describe(user_agent), network: network(address) };
        Self { place, counted, device }
    }

    /// Of what the program does by itself.
    pub fn of_program() -> Self {
        Self { place: Place::default(), counted: String::new(), device: None }
    }

    /// Sealed for one account's records; for nobody's, under the nil id.
    pub(super) fn sealed(&self, accounts: &Accounts, account: Option<AccountId>) -> Result<Vec<u8>, SealError> {
        accounts.vault.seal(&place_of(account), serde_json::to_string(&self.place).unwrap_or_default().as_bytes())
    }

    pub(super) fn device_hash(&self) -> Option<String> {
        self.device.as_ref().map(Ticket::hash)
    }
}

impl Place {
    /// What cannot be opened any more is shown as unknown.
    pub(crate) fn open(accounts: &Accounts, account: AccountId, sealed: &[u8]) -> Self {
        accounts
            .vault
            .open_sealed(&place_of(Some(account)), sealed)
            .ok()
            .and_then(|plain| serde_json::from_slice(&plain).ok())
            .unwrap_or_default()
    }
}

fn place_of(account: Option<AccountId>) -> String {
    format!("account/{}/origin", account.map(|id| id.0).unwrap_or_default())
}

/// The first 24 bits of an IPv4 address, the first 48 of an IPv6 one.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let bits = v6.to_bits() >> 80 << 80;
            format!("{}/48", std::net::Ipv6Addr::from_bits(bits))
        }
    }
}

/// Browser and system from what the browser says of itself; the order matters, because each names its ancestors too.
fn describe(user_agent: &str) -> String {
    const BROWSERS: &[(&str, &str)] = &[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS", "Firefox"),
        ("CriOS", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    const SYSTEMS: &[(&str, &str)] = &[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let named =
        |list: &[(&str, &'static str)]| list.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    match (named(BROWSERS), named(SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("A program on {system}"),
        (None, None) => "An unknown device".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_names_the_network_and_not_the_address() {
        assert_eq!(network("203.0.113.77".parse().expect("address")), "203.0.113.0/24");
        assert_eq!(network("2001:db8:1:2:3::4".parse().expect("address")), "2001:db8:1::/48");
    }

    #[test]
    fn a_browser_is_named_by_itself_and_not_by_its_ancestors() {
        let edge =
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130 Safari/537.36 Edg/130";
        assert_eq!(describe(edge), "Edge on Windows");
        assert_eq!(
            describe("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"),
            "Firefox on Linux"
        );
        assert_eq!(describe("<script>"), "An unknown device");
    }
}
