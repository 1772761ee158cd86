//! File names as they are kept: what a person called it, without what could mislead a person or a program.

use unicode_normalization::UnicodeNormalization;

/// Characters of a name, its ending included.
pub const MOST: usize = 120;

/// The longest ending that is one: anything after a dot further away is part of the name.
const LONGEST_ENDING: usize = 10;

/// Changes no letter that can be seen and makes others seem to be where they are not (Unicode TR 36 section 2.5), or says nothing at all.
fn misleads(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffd}' | '\u{e0000}'..='\u{e007f}')
}

/// The last part of whatever path was sent, without what misleads; empty when nothing is left.
pub fn cleaned(sent: &str) -> String {
    let base = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = base
        .nfc()
        .filter(|letter| !misleads(*letter) || letter.is_whitespace())
        // Of these, some mean something to a file system or a shell.
        .map(|letter| if matches!(letter, '<' | '>' | ':' | '"' | '|' | '?' | '*') { '_' } else { letter })
        .collect();
    let spaced = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    let bare = spaced.trim_start_matches(['.', ' ']).trim_end_matches(['.', ' ']);
    shortened(bare)
}

/// At most [`MOST`] characters; the ending stays.
fn shortened(name: &str) -> String {
    let (stem, ending) = split(name);
    let room = MOST - if ending.is_empty() { 0 } else { ending.chars().count() + 1 };
    let stem: String = stem.chars().take(room).collect();
    let stem = stem.trim_end();
    if ending.is_empty() { stem.to_owned() } else { format!("{stem}.{ending}") }
}

/// What stands before the last dot, and the ending after it in the case in which it was written.
fn split(name: &str) -> (&str, &str) {
    match name.rsplit_once('.') {
        Some((stem, ending))
            if !stem.is_empty()
                && (1..=LONGEST_ENDING).contains(&ending.len())
                && ending.chars().all(char::is_alphanumeric) =>
        {
            (stem, ending)
        }
        Some(_) | None => (name, ""),
    }
}

/// The ending in lower case, or nothing.
pub fn ending(name: &str) -> String {
    split(name).1.to_lowercase()
}

/// The name with this ending where it has none.
pub fn ending_in(name: &str, ending: &str) -> String {
    match (name.is_empty(), self::ending(name).is_empty()) {
        (true, _) => format!("file.{ending}"),
        (false, true) => shortened(&format!("{name}.{ending}")),
        (false, false) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_of_the_path_without_leading_dots() {
        for (sent, kept) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("..\\..\\windows\\system.ini", "system.ini"),
            ("C:\\Users\\ada\\Plan B.pdf", "Plan B.pdf"),
            ("/etc/.htaccess", "htaccess"),
            ("....pdf", "pdf"),
            ("a\0b\r\nc\t d.pdf", "ab c d.pdf"),
            ("what?<b>.txt", "what__b_.txt"),
            ("trailing. . ", "trailing"),
            ("cafe\u{301}.txt", "caf\u{e9}.txt"),
            ("..", ""),
            ("", ""),
        ] {
            assert_eq!(cleaned(sent), kept, "{sent:?}");
        }
    }

    #[test]
    fn a_name_cannot_be_turned_around_or_hide_something() {
        // Shown from right to left from the sign on, this would end in "txt".
        assert_eq!(cleaned("invoice\u{202e}txt.exe"), "invoicetxt.exe");
        for hidden in ['\u{200b}', '\u{200d}', '\u{2066}', '\u{feff}', '\u{e0041}', '\u{ad}', '\u{9b}'] {
            assert_eq!(cleaned(&format!("a{hidden}b.txt")), "ab.txt", "{hidden:?}");
        }
    }

    #[test]
    fn a_name_is_cut_to_120_characters_before_its_ending() {
        let kept = cleaned(&format!("{}.PDF", "\u{e9}".repeat(400)));
        assert_eq!((kept.chars().count(), ending(&kept).as_str()), (MOST, "pdf"));
        assert!(kept.contains(".PDF"));
        assert_eq!(cleaned(&"x".repeat(500)).chars().count(), MOST);
    }

    #[test]
    fn a_name_without_an_ending_gets_one_and_the_empty_name_is_called_file() {
        assert_eq!(ending_in("plan", "pdf"), "plan.pdf");
        assert_eq!(ending_in("", "pdf"), "file.pdf");
        assert_eq!(ending_in("plan.jpeg", "jpg"), "plan.jpeg");
        assert_eq!(ending_in(&"x".repeat(MOST), "pdf").chars().count(), MOST);
    }
}
