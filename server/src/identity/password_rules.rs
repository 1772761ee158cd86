//! Which passwords are taken: long enough, hard to guess, in no list of passwords that attackers try first. No composition rules
//! (NIST SP 800-63B section 5.1.1.2).

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use sha1::{Digest, Sha1};
use zxcvbn::{Score, zxcvbn};

use super::Refusal;
use crate::crypto::hex;
use crate::crypto::password::Password;
use crate::profile::policy::Passwords;

/// Below this a guesser with the hash gets there: fewer than 10^8 tries (zxcvbn's scale).
const ENOUGH: Score = Score::Three;

/// Passwords that are known from breaches, beside the 30,000 most common ones that the estimator holds.
#[derive(Clone, Debug, Default)]
pub struct Breached(Option<Arc<PathBuf>>);

impl Breached {
    /// A file of upper-case SHA-1 values, one a line, sorted, each followed by a colon and a count: as Have I Been Pwned
    /// publishes them. It may be of any size; a look reads a few lines.
    ///
    /// # Errors
    /// When the file is not one of those.
    pub fn from_file(path: PathBuf) -> Result<Self, String> {
        let shown = path.display().to_string();
        let file = File::open(&path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
        let mut first = String::new();
        BufReader::new(file).read_line(&mut first).map_err(|error| format!("{shown} cannot be read: {error}"))?;
        let shaped = first.len() >= 40 && first.bytes().take(40).all(|byte| byte.is_ascii_hexdigit());
        if shaped {
            Ok(Self(Some(Arc::new(path))))
        } else {
            Err(format!("{shown} is not a list of SHA-1 values, one a line"))
        }
    }

    fn has(&self, password: &str) -> std::io::Result<bool> {
        let Some(path) = &self.0 else { return Ok(false) };
        let wanted = hex(&Sha1::digest(password.as_bytes())).to_uppercase();
        let mut reader = BufReader::with_capacity(256, File::open(path.as_path())?);
        let (mut low, mut high) = (0, reader.get_ref().metadata()?.len());
        let mut line = String::new();
        // Lines that begin at `low` or later and before `high` are still in question.
        while low < high {
            let middle = low + (high - low) / 2;
            reader.seek(SeekFrom::Start(middle))?;
            let mut begins = middle;
            if middle > low {
                line.clear();
                begins += reader.read_line(&mut line)? as u64;
            }
            line.clear();
            let length = reader.read_line(&mut line)? as u64;
            let Some(found) = line.get(..40).filter(|_| length > 0 && begins < high) else {
                high = middle;
                continue;
            };
            match found.to_ascii_uppercase().as_str().cmp(&wanted) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => low = begins + length,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(false)
    }
}

/// Checks a new password. `own` are words of the person and of the product.
///
/// # Errors
/// Says what to do instead.
pub async fn check(
    policy: &Passwords,
    breached: &Breached,
    field: &'static str,
    password: &Password,
    own: Vec<String>,
) -> Result<(), Refusal> {
    let (policy, breached, text) =
        (policy.clone(), breached.clone(), zeroize::Zeroizing::new(password.text().to_owned()));
    // The estimate takes up to some milliseconds, and the list is on a disk.
    tokio::task::spawn_blocking(move || weakness(&policy, &breached, &text, &own))
        .await
        .map_err(|error| Refusal::Hashing(error.to_string()))?
        .map_or(Ok(()), |said| Err(Refusal::Field(field, said)))
}

fn weakness(policy: &Passwords, breached: &Breached, text: &str, own: &[String]) -> Option<String> {
    let length = text.chars().count();
    let (least, most) = (policy.minimum_length.get() as usize, policy.maximum_length.get() as usize);
    if length < least {
        return Some(format!("use at least {least} characters; a few words in a row are easy to remember"));
    }
    if length > most {
        return Some(format!("use at most {most} characters"));
    }
    if breached.has(text).unwrap_or_else(|cause| {
        tracing::error!(%cause, "the list of breached passwords cannot be read");
        false
    }) {
        return Some("this password is known from a breach; choose one that you have used nowhere".into());
    }
    if made_of(text, own) {
        return Some(LEADS_TO_YOU.into());
    }
    let plain: Vec<&str> = own.iter().map(String::as_str).collect();
    if zxcvbn(text, &plain).score() >= ENOUGH {
        return None;
    }
    // Without the words it would be as weak: then they are not to blame.
    let without_own = zxcvbn(text, &[]).score();
    Some(if without_own >= ENOUGH {
        LEADS_TO_YOU.into()
    } else {
        "this is among the first that an attacker tries; choose a few unrelated words instead".into()
    })
}

const LEADS_TO_YOU: &str =
    "this is made of your own name, address or organisation, or of ours; choose words that do not lead to you";

/// Letters and digits that must be left when the own words are taken out.
const LEFT: usize = 6;

fn made_of(text: &str, own: &[String]) -> bool {
    let mut longest_first: Vec<&String> = own.iter().collect();
    longest_first.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let lower = text.to_lowercase();
    let rest = longest_first.iter().fold(lower.clone(), |rest, word| rest.replace(word.as_str(), " "));
    // A year and the like behind one's name make it no better.
    rest != lower && rest.chars().filter(|c| c.is_alphanumeric()).count() < LEFT
}

/// The words that lead to a person and to the product: names, parts of the address, the brand.
pub(crate) fn own_words(brand: &str, texts: &[&str]) -> Vec<String> {
    let all = texts.iter().copied().chain([brand, "avouch"]);
    let mut words: Vec<String> = all
        .flat_map(|text| {
            let parts = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
            std::iter::once(text.to_lowercase()).chain(parts).collect::<Vec<_>>()
        })
        .filter(|word| word.chars().count() >= 3)
        .collect();
    words.sort();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    fn policy() -> Passwords {
        let number = |number| NonZeroU32::new(number).expect("not zero");
        Passwords {
            minimum_length: number(12),
            maximum_length: number(128),
            argon2_memory_kib: number(19_456),
            argon2_passes: number(2),
            argon2_lanes: number(1),
            attempts: number(10),
        }
    }

    fn taken(text: &str) -> bool {
        let own = own_words("Aertous", &["Ada Lovelace", "ada.lovelace@analytical.example", "Analytical Engines"]);
        weakness(&policy(), &Breached::default(), text, &own).is_none()
    }

    #[test]
    fn length_is_counted_in_code_points_and_nothing_else_is_composed() {
        assert!(!taken("kq7vz2mxw9t") && taken("kq7vz2mxw9tj"));
        assert!(taken("ein Ötter frißt sechs Äpfel") && taken("violet otters eat ripe plums"));
        assert!(taken(&"kq7 vz2 mxw ".repeat(10)) && !taken(&"kq7vz2mxw9tj".repeat(11)));
    }

    #[test]
    fn common_passwords_are_refused() {
        let common = [
            "password1234",
            "123456789012",
            "qwertyuiop123",
            "iloveyou1234",
            "Password123!",
            "aaaaaaaaaaaa",
            "abcdefghijkl",
            "qwerty123456",
            "letmeinletmein",
            "P@ssw0rd1234",
            "1q2w3e4r5t6y",
            "football1234",
            "welcome12345",
            "adminadmin12",
            "passwordpassword",
        ];
        for text in common {
            assert!(!taken(text), "{text}");
        }
    }

    #[test]
    fn the_persons_and_the_products_own_words_are_refused() {
        for text in ["AdaLovelace2026", "lovelace-ada-1", "aertous-aertous", "analytical2026!", "Avouch-Aertous1"] {
            assert!(!taken(text), "{text}");
        }
    }

    #[test]
    fn a_breached_password_is_found_in_a_list_of_any_size() {
        let folder = std::env::temp_dir().join(format!("avouch-breached-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir_all(&folder).expect("folder");
        let words = ["violet otters eat ripe plums", "kq7vz2mxw9tj", "another one of these"];
        let mut lines: Vec<String> = (0..500)
            .map(|n| format!("filler {n}"))
            .chain(words.map(str::to_owned))
            .map(|text| format!("{}:{}\r\n", hex(&Sha1::digest(&text)).to_uppercase(), text.len()))
            .collect();
        lines.sort();
        let path = folder.join("list");
        std::fs::write(&path, lines.concat()).expect("write");
        let breached = Breached::from_file(path).expect("list");
        for word in words.into_iter().chain(["filler 0", "filler 499", "filler 77"]) {
            assert!(breached.has(word).expect("read"), "{word}");
        }
        assert!(!breached.has("in no list").expect("read"));
        assert!(weakness(&policy(), &breached, words[0], &[]).is_some());
        std::fs::remove_dir_all(&folder).expect("remove");
    }
}
