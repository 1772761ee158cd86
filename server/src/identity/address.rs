//! Addresses of people: one normal form, a keyed index to find them by, and the one gate for work addresses.

use std::collections::HashSet;
use std::sync::OnceLock;

use contract::text::EmailAddress;

use super::Refusal;
use crate::crypto::secret::MacKey;
use crate::profile::Profile;

/// Written by `make lists` from maintained packages; the head of the file names them.
const PERSONAL: &str = include_str!("../../lists/personal-domains.txt");

/// An address in its one normal form: lower case, the domain in ASCII (IDNA), no trailing dot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(EmailAddress);

/// Personal data: not for logs.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(…)")
    }
}

impl Address {
    /// # Errors
    /// Says in a few words what is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (local, domain) = text.trim().rsplit_once('@').ok_or("an e-mail address has an @ in it")?;
        // Old ways of naming a second mailbox behind the first.
        if local.contains(['%', '!']) {
            return Err("the part before the @ has a character that does not belong there");
        }
        let domain = idna::domain_to_ascii(domain).map_err(|_| "the part after the @ is not a domain name")?;
        let domain = domain.strip_suffix('.').unwrap_or(&domain);
        EmailAddress::parse(&format!("{}@{domain}", local.to_lowercase())).map(Self)
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub fn domain(&self) -> &str {
        self.as_str().rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// What the database finds it by, without knowing it.
    pub fn index(&self, hashes: &MacKey) -> String {
        index_of(hashes, self.as_str())
    }
}

/// The index of whatever somebody typed as an address: the same work whether it is one or not.
pub(super) fn index_of(hashes: &MacKey, text: &str) -> String {
    hashes.mac_hex("address-index/1", &[text.as_bytes()])
}

/// The one gate: for sign-up, for invitations, and for a change of address.
///
/// # Errors
/// When the profile takes work addresses only and this is a personal one.
pub fn gate(profile: &Profile, address: &Address) -> Result<(), Refusal> {
    if profile.policy.sign_up.work_addresses_only && is_personal(address.domain()) {
        return Err(Refusal::Field(
            "email",
            format!("{} takes work addresses only; use the address of your organisation", profile.name),
        ));
    }
    Ok(())
}

/// Whether a domain is listed, lies below one that is, or looks like one.
fn is_personal(domain: &str) -> bool {
    let lists = lists();
    let shown = skeleton(&idna::domain_to_unicode(domain).0);
    endings(domain).any(|ending| lists.names.contains(ending))
        || endings(&shown).any(|ending| lists.looks.contains(ending))
}

/// `a.b.c`, `b.c`; not the top level alone.
fn endings(domain: &str) -> impl Iterator<Item = &str> {
    let starts = std::iter::once(0).chain(domain.match_indices('.').map(|(at, _)| at + 1));
    starts.map(|at| &domain[at..]).filter(|ending| ending.contains('.'))
}

struct Lists {
    names: HashSet<&'static str>,
    /// How each name looks, so that a name that looks the same is found.
    looks: HashSet<String>,
}

fn lists() -> &'static Lists {
    static LISTS: OnceLock<Lists> = OnceLock::new();
    LISTS.get_or_init(|| {
        let names: HashSet<&'static str> = PERSONAL.lines().filter(|line| !line.starts_with('#')).collect();
        Lists { looks: names.iter().map(|name| skeleton(name)).collect(), names }
    })
}

/// Letters that look alike become one (Unicode UTS 39), whatever their case.
fn skeleton(text: &str) -> String {
    unicode_security::skeleton(&text.to_lowercase()).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(domain: &str) -> bool {
        Address::parse(&format!("ada.l+tag@{domain}")).is_err_and(|_| true)
            || Address::parse(&format!("ada.l+tag@{domain}")).is_ok_and(|address| is_personal(address.domain()))
    }

    #[test]
    fn sixty_ways_to_write_a_personal_domain_are_all_refused() {
        let names = [
            "gmail.com",
            "googlemail.com",
            "yahoo.com",
            "yahoo.co.uk",
            "proton.me",
            "protonmail.com",
            "outlook.com",
            "hotmail.fr",
            "icloud.com",
            "gmx.de",
        ];
        let mut tried = 0;
        for name in names {
            let (first, rest) = name.split_at(1);
            let ways = [
                name.to_owned(),
                name.to_uppercase(),
                format!("{}{rest}", first.to_uppercase()),
                format!("{name}."),
                format!("mail.{name}"),
                format!("a.b.{name}."),
                name.replace('.', "\u{3002}"),
                name.chars()
                    .map(|c| char::from_u32(u32::from(c) + 0xfee0).filter(|_| c.is_ascii_lowercase()).unwrap_or(c))
                    .collect(),
            ];
            for way in ways {
                assert!(refused(&way), "{way}");
                tried += 1;
            }
        }
        // Cyrillic, Greek and digits that look like letters, also in their ASCII form.
        for way in [
            "gm\u{430}il.com",
            "xn--gmil-63d.com",
            "y\u{430}hoo.com",
            "pr\u{43e}ton.me",
            "0utlook.com",
            "gmai1.com",
            "grnail.com",
            "\u{456}cloud.com",
        ] {
            assert!(refused(way), "{way}");
            tried += 1;
        }
        assert!(tried >= 60, "{tried}");
    }

    #[test]
    fn a_domain_of_ones_own_passes() {
        for fine in [
            "example.com",
            "acme.example",
            "gmail.acme.example",
            "mygmail.com.example",
            "airline.aero",
            "m\u{fc}ller.example",
        ] {
            let address = Address::parse(&format!("ada@{fine}")).expect(fine);
            assert!(!is_personal(address.domain()), "{fine}");
        }
    }

    #[test]
    fn an_address_has_one_form_whatever_its_case() {
        let forms = ["Ada@Acme.Example", " ada@acme.example. ", "ADA@ACME.EXAMPLE"];
        assert!(
            forms
                .iter()
                .all(|form| Address::parse(form).map(|a| a.as_str().to_owned()) == Ok("ada@acme.example".into()))
        );
    }

    #[test]
    fn what_hides_a_second_mailbox_is_no_address() {
        for bad in [
            "a%gmail.com@acme.example",
            "gmail.com!a@acme.example",
            "a@gmail.com@acme.example",
            "\"a@b\"@acme.example",
            "a@[127.0.0.1]",
            "a@acme.example\r\nBcc: b@c.d",
            "a@acme\u{0}.example",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad:?}");
        }
    }
}
