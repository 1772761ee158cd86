//! Time-based one-time passwords (RFC 6238): HMAC-SHA-1, six digits, a time step and a skew from the profile.

use totp_rs::{Algorithm, Builder, Secret, Totp as Generator};
use zeroize::Zeroizing;

use crate::profile::policy::Mfa;

/// 160 bits (RFC 4226 section 4, requirement 6).
pub const SECRET_BYTES: usize = 20;

pub const DIGITS: u8 = 6;

/// The secret that an authenticator app and this server share. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

/// A count of time steps since the Unix epoch (RFC 6238 section 4.2, T0 = 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step(pub i64);

impl TotpSecret {
    pub fn new(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::new)
    }

    /// As an app reads it.
    pub fn from_base32(text: &str) -> Option<Self> {
        Self::from_slice(Secret::try_from_base32(text).ok()?.as_ref())
    }

    pub fn bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    /// Base32 without padding, as apps take it.
    pub fn base32(&self) -> String {
        Secret::from(self.0.as_slice()).to_base32()
    }

    /// The step whose code this is: the present one, or one within the skew. It says nothing of whether the code was
    /// used before; that is for whoever writes the step down.
    pub fn step_of(&self, code: &str, policy: &Mfa, unix_seconds: u64) -> Option<Step> {
        let generator = self.generator(policy, None)?;
        generator.check(code, unix_seconds).and_then(|step| i64::try_from(step).ok()).map(Step)
    }

    /// The `otpauth:` address of the key (Key Uri Format).
    pub fn uri(&self, policy: &Mfa, issuer: &str, account: &str) -> Option<String> {
        // A colon separates issuer and account in the address.
        let issuer = issuer.replace(':', " ");
        self.generator(policy, Some((&issuer, account)))?.to_url().ok()
    }

    fn generator(&self, policy: &Mfa, label: Option<(&str, &str)>) -> Option<Generator> {
        let builder = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_skew(u16::try_from(policy.code_skew_steps).ok()?)
            .with_step_duration(policy.code_seconds.get().into())
            .with_secret(Secret::from(self.0.as_slice()));
        let builder = match label {
            Some((issuer, account)) => builder.with_issuer(Some(issuer)).with_account_name(account),
            None => builder,
        };
        builder.build().ok()
    }

    /// The code of one instant, for tests and for the self-test.
    pub fn code_at(&self, policy: &Mfa, unix_seconds: u64) -> Option<String> {
        Some(self.generator(policy, None)?.generate(unix_seconds).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    fn policy(skew: u32) -> Mfa {
        let number = |number| NonZeroU32::new(number).expect("not zero");
        Mfa { code_seconds: number(30), code_skew_steps: skew, backup_codes: number(10) }
    }

    /// RFC 6238 appendix B, the last six of the eight digits.
    #[test]
    fn the_vectors_of_the_standard_are_met() {
        let secret = TotpSecret::new(*b"12345678901234567890");
        let vectors = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (at, code) in vectors {
            let step = secret.step_of(code, &policy(0), at);
            assert_eq!(step, Some(Step(i64::try_from(at / 30).expect("small"))), "at {at}");
        }
    }

    #[test]
    fn a_code_is_taken_one_step_off_and_not_two() {
        let secret = TotpSecret::new(*b"12345678901234567890");
        let code = secret.code_at(&policy(1), 3000).expect("code");
        for (at, taken) in [(2940, false), (2970, true), (3000, true), (3059, true), (3060, false)] {
            assert_eq!(secret.step_of(&code, &policy(1), at).is_some(), taken, "at {at}");
        }
    }

    #[test]
    fn what_is_not_six_digits_is_no_code() {
        let secret = TotpSecret::new(*b"12345678901234567890");
        for bad in ["", "12345", "1234567", "+28708", "28708２", "28 082"] {
            assert_eq!(secret.step_of(bad, &policy(1), 59), None, "{bad:?}");
        }
    }

    #[test]
    fn the_address_for_apps_names_issuer_and_account() {
        let uri =
            TotpSecret::new(*b"12345678901234567890").uri(&policy(1), "Stack: Aero", "ada@x.example").expect("uri");
        assert!(uri.starts_with("otpauth://totp/") && uri.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), "{uri}");
        assert!(uri.contains("issuer=Stack%20%20Aero"), "{uri}");
    }
}
