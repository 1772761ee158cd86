//! Numbers as words and as lengths. Nothing here overflows: sums and products are wider than what goes in.

/// The length of a full bar and the height of a full column, in units of the drawing.
pub(super) const FULL: u64 = 1000;
/// What is there but too small to be drawn to scale is still seen.
const SEEN: u64 = 6;

/// With a comma between thousands: `1,234,567`.
pub fn number(value: u64) -> String {
    grouped(value.into())
}

/// The same for a sum, which may be larger than its parts' type.
pub(super) fn grouped(value: u128) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// To a tenth and rounded down: `100%` is said only when none is missing, `0%` only when there is none.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let tenths = u128::from(part.min(whole)) * 1000 / u128::from(whole.max(1));
    match (tenths / 10, tenths % 10) {
        (0, 0) if part > 0 => "<0.1%".to_owned(),
        (ones, 0) => format!("{ones}%"),
        (ones, tenth) => format!("{ones}.{tenth}%"),
    }
}

/// How long `value` is drawn when `largest` has the full length.
pub(super) fn scaled(value: u128, largest: u128) -> u64 {
    let length = u64::try_from(value * u128::from(FULL) / largest.max(1)).unwrap_or(FULL);
    if value > 0 { length.max(SEEN) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_between_thousands() {
        for (value, said) in [(0, "0"), (999, "999"), (1000, "1,000"), (123_456, "123,456"), (1_234_567, "1,234,567")] {
            assert_eq!(number(value), said);
        }
        assert_eq!(number(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn a_share_is_whole_only_when_nothing_is_missing() {
        let shares =
            [((0, 0), "0%"), ((0, 5), "0%"), ((1, 9999), "<0.1%"), ((9999, 10_000), "99.9%"), ((5, 4), "100%")];
        for ((part, whole), said) in shares {
            assert_eq!(percent(part, whole), said, "{part} of {whole}");
        }
        assert_eq!(percent(u64::MAX - 1, u64::MAX), "99.9%");
    }
}
