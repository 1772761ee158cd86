//! A rough estimate of how hard a password is to guess, small enough for a page. The server's own check is the one that counts.

/// How hard, in five steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    TooShort,
    Weak,
    Fair,
    Good,
    Strong,
}

impl Strength {
    /// 0 to 4, for a meter.
    pub const fn level(self) -> u8 {
        match self {
            Self::TooShort => 0,
            Self::Weak => 1,
            Self::Fair => 2,
            Self::Good => 3,
            Self::Strong => 4,
        }
    }

    pub const fn said(self) -> &'static str {
        match self {
            Self::TooShort => "Too short yet",
            Self::Weak => "Easy to guess",
            Self::Fair => "Could be harder to guess",
            Self::Good => "Hard to guess",
            Self::Strong => "Very hard to guess",
        }
    }
}

/// Tenths of a bit that a character adds: little when it follows from the one before.
const FOLLOWS: u32 = 5;
const LETTER: u32 = 22;
const OTHER: u32 = 33;

/// Estimates a password that needs at least `least` code points.
pub fn estimate(password: &str, least: u32) -> Strength {
    let (mut tenths, mut count, mut before, mut seen) = (0, 0, None, Vec::new());
    for letter in password.chars() {
        let small = letter.to_ascii_lowercase();
        let step = before.map(|before: char| u32::from(small).abs_diff(u32::from(before)));
        tenths += match step {
            Some(0 | 1) => FOLLOWS,
            Some(_) | None if letter.is_ascii_lowercase() => LETTER,
            Some(_) | None => OTHER,
        };
        if !seen.contains(&small) {
            seen.push(small);
        }
        before = Some(small);
        count += 1;
    }
    if count < least {
        return Strength::TooShort;
    }
    // A few characters over and over are as good as those few.
    let tenths = if seen.len() < 6 { tenths.min(200) } else { tenths };
    match tenths {
        ..260 => Strength::Weak,
        260..380 => Strength::Fair,
        380..520 => Strength::Good,
        520.. => Strength::Strong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_and_order_add_little() {
        assert_eq!(estimate("short", 12), Strength::TooShort);
        for weak in ["aaaaaaaaaaaaaaaaaaaa", "abcdefghijklmnop", "1234567890123456", "abababababababababab"] {
            assert_eq!(estimate(weak, 12), Strength::Weak, "{weak}");
        }
        assert!(estimate("kq7vz2mxw9tj", 12) >= Strength::Fair);
        assert_eq!(estimate("violet otters eat ripe plums", 12), Strength::Strong);
    }
}
