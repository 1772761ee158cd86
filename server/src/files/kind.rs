//! What a content is, by its own bytes. Only these are taken; nothing is ever unpacked to find out.

/// A kind of file that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Pdf,
    Png,
    Jpeg,
    Webp,
    Text,
    Csv,
    Markdown,
    Docx,
    Xlsx,
    Odt,
}

/// What people are told when something else came.
pub const TAKEN: &str =
    "Taken are PDF, PNG, JPEG and WebP pictures, plain text, CSV, Markdown, and documents as docx, xlsx or odt.";

impl Kind {
    pub const ALL: &[Self] = &[
        Self::Pdf,
        Self::Png,
        Self::Jpeg,
        Self::Webp,
        Self::Text,
        Self::Csv,
        Self::Markdown,
        Self::Docx,
        Self::Xlsx,
        Self::Odt,
    ];

    /// The media type that is kept and sent (IANA's registry).
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Text => "text/plain; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Odt => "application/vnd.oasis.opendocument.text",
        }
    }

    /// Endings that mean it, the usual one first.
    pub const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Pdf => &["pdf"],
            Self::Png => &["png"],
            Self::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
            Self::Webp => &["webp"],
            Self::Text => &["txt", "text", "log"],
            Self::Csv => &["csv"],
            Self::Markdown => &["md", "markdown"],
            Self::Docx => &["docx"],
            Self::Xlsx => &["xlsx"],
            Self::Odt => &["odt"],
        }
    }

    /// What browsers and systems say of it beside its own media type.
    const fn also_declared(self) -> &'static [&'static str] {
        match self {
            Self::Pdf => &["application/x-pdf"],
            Self::Png | Self::Webp | Self::Text => &[],
            Self::Jpeg => &["image/jpg", "image/pjpeg"],
            // Windows says of a CSV file what the program is that opens it.
            Self::Csv => &["application/csv", "text/x-csv", "text/plain", "application/vnd.ms-excel"],
            Self::Markdown => &["text/x-markdown", "text/plain"],
            Self::Docx | Self::Xlsx | Self::Odt => &["application/zip", "application/x-zip-compressed"],
        }
    }

    /// Whether somebody who says this of a file may mean this kind. Parameters do not count, and nothing said is nothing against it.
    pub fn declared_as(self, said: &str) -> bool {
        let essence = |text: &str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let said = essence(said);
        matches!(said.as_str(), "" | "application/octet-stream" | "binary/octet-stream")
            || said == essence(self.media_type())
            || self.also_declared().contains(&said.as_str())
    }

    pub fn by_ending(ending: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.endings().contains(&ending))
    }

    pub fn by_media_type(media_type: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.media_type() == media_type)
    }

    /// By the bytes. Texts are all alike; which one it is, its ending says.
    pub fn sniffed(content: &[u8], ending: &str) -> Option<Self> {
        match content {
            [b'%', b'P', b'D', b'F', b'-', b'1'..=b'2', b'.', ..] => Some(Self::Pdf),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [b'P', b'K', 3, 4, ..] => office(content),
            _ => text(content).then(|| match Self::by_ending(ending) {
                Some(named @ (Self::Csv | Self::Markdown)) => named,
                Some(
                    Self::Pdf | Self::Png | Self::Jpeg | Self::Webp | Self::Text | Self::Docx | Self::Xlsx | Self::Odt,
                )
                | None => Self::Text,
            }),
        }
    }
}

/// What a browser would take for a page or a picture with scripts (WHATWG MIME Sniffing section 7.1), and what a system would run.
const NO_TEXT: &[&str] = &[
    "<!doctype",
    "<html",
    "<head",
    "<body",
    "<script",
    "<iframe",
    "<svg",
    "<?xml",
    "<style",
    "<title",
    "<!--",
    "<meta",
    "<link",
    "<object",
    "<embed",
    "#!",
];

/// UTF-8 without control characters that no text has, and not what only looks like text.
fn text(content: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(content) else { return false };
    let odd = |letter: char| letter.is_control() && !matches!(letter, '\t' | '\n' | '\r' | '\u{c}');
    if text.contains(odd) {
        return false;
    }
    let begins = text.trim_start_matches('\u{feff}').trim_start();
    let begins: String = begins.chars().take(16).collect::<String>().to_ascii_lowercase();
    !NO_TEXT.iter().any(|marker| begins.starts_with(marker))
}

/// An archive whose own directory says that it is a document: read from its end, no entry is opened.
fn office(content: &[u8]) -> Option<Kind> {
    let names = directory(content)?;
    let has = |name: &str| names.contains(&name.as_bytes());
    // Programs inside of a document.
    if names.iter().any(|name| name.to_ascii_lowercase().ends_with(b"vbaproject.bin")) {
        return None;
    }
    // An OpenDocument file begins with an entry that is stored and says what it is (OpenDocument 1.3 part 2, section 3.3).
    let odt = [b"mimetype".as_slice(), Kind::Odt.media_type().as_bytes()].concat();
    if content.get(30..30 + odt.len()) == Some(&odt) && has("content.xml") {
        return Some(Kind::Odt);
    }
    if !has("[Content_Types].xml") {
        return None;
    }
    match (has("word/document.xml"), has("xl/workbook.xml")) {
        (true, false) => Some(Kind::Docx),
        (false, true) => Some(Kind::Xlsx),
        (true, true) | (false, false) => None,
    }
}

/// Bytes of the record at the end of an archive, which has no comment here, and of an entry of its directory (APPNOTE 4.3.16 and 4.3.12).
const END: usize = 22;
const ENTRY: usize = 46;

/// The names in an archive's directory. An archive that does not end with its directory's end is none of ours.
fn directory(content: &[u8]) -> Option<Vec<&[u8]>> {
    let end = content.len().checked_sub(END).map(|at| &content[at..])?;
    if !end.starts_with(b"PK\x05\x06") || end[20..22] != [0, 0] {
        return None;
    }
    let (count, size, begins) = (short(end, 10)?, long(end, 12)?, long(end, 16)?);
    let mut rest = content.get(begins..begins.checked_add(size)?)?;
    let mut names = Vec::new();
    for _ in 0..count {
        let entry = rest.get(..ENTRY).filter(|entry| entry.starts_with(b"PK\x01\x02"))?;
        let (name, extra, comment) = (short(entry, 28)?, short(entry, 30)?, short(entry, 32)?);
        names.push(rest.get(ENTRY..ENTRY + name)?);
        rest = rest.get(ENTRY + name + extra + comment..)?;
    }
    rest.is_empty().then_some(names)
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?).into())
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?)).ok()
}
