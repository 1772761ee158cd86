//! Pictures without what does not show: where and when they were taken, with what, by whom. What is kept is named; all else goes, and so
//! does whatever stands after the picture's end. The pixels are not touched.

/// Why a picture cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("it ends too early")]
    Cut,
    #[error("a part of it is damaged")]
    Damaged,
    #[error("it has no picture in it")]
    NoPicture,
}

/// Reads on in a content.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Broken::Cut)?;
        self.0 = rest;
        Ok(taken)
    }

    fn four(&mut self) -> Result<[u8; 4], Broken> {
        self.take(4)?.try_into().map_err(|_| Broken::Cut)
    }
}

fn length(number: u32) -> Result<usize, Broken> {
    usize::try_from(number).map_err(|_| Broken::Damaged)
}

/// Chunks of PNG that make the picture or say how its colours are meant (PNG, third edition, sections 11.2 and 11.3). Gone are text, EXIF,
/// the time, and whatever programs put there of their own.
const PNG_KEPT: &[&[u8; 4]] = &[
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV",
    b"cLLI", b"bKGD", b"hIST", b"pHYs", b"acTL", b"fcTL", b"fdAT",
];

/// # Errors
/// When a chunk is cut or damaged, or there is no picture.
pub fn png(content: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut rest = Rest(content);
    let mut kept = rest.take(8)?.to_vec();
    let (mut first, mut pixels) = (true, false);
    loop {
        let chunk = rest.0;
        let size = length(u32::from_be_bytes(rest.four()?))?;
        let body = rest.0.get(..size.saturating_add(4)).ok_or(Broken::Cut)?;
        let kind = rest.four()?;
        rest.take(size)?;
        if crc32(body) != u32::from_be_bytes(rest.four()?) || first != (&kind == b"IHDR") {
            return Err(Broken::Damaged);
        }
        first = false;
        if PNG_KEPT.contains(&&kind) {
            kept.extend_from_slice(&chunk[..size + 12]);
        } else if kind[0].is_ascii_uppercase() {
            // Without it the picture would be another one.
            return Err(Broken::Damaged);
        }
        pixels |= &kind == b"IDAT";
        if &kind == b"IEND" {
            return if pixels { Ok(kept) } else { Err(Broken::NoPicture) };
        }
    }
}

/// The checksum of PNG's chunks (PNG, third edition, annex D), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    let next = |crc: u32, byte: &u8| TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8);
    !bytes.iter().fold(!0, next)
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let mut crc = at as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
}

/// # Errors
/// When a segment is cut or damaged, or the picture has no end.
pub fn jpeg(content: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut rest = Rest(content);
    let mut kept = rest.take(2)?.to_vec();
    let (mut frame, mut scans) = (false, false);
    loop {
        let marker = marker(&mut rest)?;
        match marker {
            // The end. What follows is previews, with metadata of their own, or nothing that belongs here.
            0xd9 if scans => {
                kept.extend_from_slice(&[0xff, 0xd9]);
                return Ok(kept);
            }
            0xd9 => return Err(Broken::NoPicture),
            // Tables, frames, scans (ITU-T T.81, table B.1), extensions and comments: all of them say how long they are.
            0xc0..=0xcf | 0xda..=0xdf | 0xe0..=0xef | 0xfe => {
                let size = rest.0.get(..2).ok_or(Broken::Cut)?;
                let size = usize::from(u16::from_be_bytes([size[0], size[1]]));
                let segment = rest.take(size)?;
                let body = segment.get(2..).ok_or(Broken::Damaged)?;
                if let Some(body) = kept_of(marker, body) {
                    kept.extend_from_slice(&[0xff, marker]);
                    kept.extend_from_slice(&u16::try_from(body.len() + 2).map_err(|_| Broken::Damaged)?.to_be_bytes());
                    kept.extend_from_slice(&body);
                }
                frame |= matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
                if marker == 0xda {
                    if !frame {
                        return Err(Broken::Damaged);
                    }
                    scans = true;
                    kept.extend_from_slice(rest.take(scan(rest.0)?)?);
                }
            }
            _ => return Err(Broken::Damaged),
        }
    }
}

/// The next marker; any number of 255 may stand before it.
fn marker(rest: &mut Rest<'_>) -> Result<u8, Broken> {
    if rest.take(1)? != [0xff] {
        return Err(Broken::Damaged);
    }
    loop {
        match rest.take(1)? {
            [0xff] => {}
            [marker] => return Ok(*marker),
            _ => return Err(Broken::Cut),
        }
    }
}

/// How long the pixels of a scan are: up to a marker that is neither a stuffed byte nor a restart.
fn scan(bytes: &[u8]) -> Result<usize, Broken> {
    let ends = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7);
    bytes.windows(2).position(ends).ok_or(Broken::Cut)
}

/// What of a segment stays: how the colours are meant, but neither EXIF, XMP, IPTC, comments nor previews.
fn kept_of(marker: u8, body: &[u8]) -> Option<Vec<u8>> {
    match marker {
        // Version, unit and density; a preview, which may follow them, does not.
        0xe0 => body.starts_with(b"JFIF\0").then(|| body.get(..12).map(|head| [head, &[0, 0]].concat()))?,
        0xe2 => body.starts_with(b"ICC_PROFILE\0").then(|| body.to_vec()),
        0xee => body.starts_with(b"Adobe").then(|| body.iter().take(12).copied().collect()),
        0xe1 | 0xe3..=0xed | 0xef | 0xfe => None,
        _ => Some(body.to_vec()),
    }
}

/// Chunks of WebP that make the picture (WebP Container Specification); EXIF, XMP and whatever else is there go.
const WEBP_KEPT: &[&[u8; 4]] = &[b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];

/// Flags of the extended format: there is EXIF, there is XMP.
const WEBP_METADATA: u8 = 0x08 | 0x04;

/// Bytes of a frame's own head, before its chunks.
const WEBP_FRAME: usize = 16;

/// # Errors
/// When a chunk is cut, or there is no picture.
pub fn webp(content: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut rest = Rest(content);
    rest.take(4)?;
    let size = length(u32::from_le_bytes(rest.four()?))?;
    let mut inside = Rest(rest.take(size)?);
    inside.take(4)?;
    let mut pixels = false;
    let chunks = webp_chunks(inside, false, &mut pixels)?;
    if !pixels {
        return Err(Broken::NoPicture);
    }
    let size = u32::try_from(chunks.len() + 4).map_err(|_| Broken::Damaged)?;
    Ok([b"RIFF".as_slice(), &size.to_le_bytes(), b"WEBP", &chunks].concat())
}

/// Of the file, or of one frame of an animation, which holds no frames of its own.
fn webp_chunks(mut rest: Rest<'_>, frame: bool, pixels: &mut bool) -> Result<Vec<u8>, Broken> {
    let mut kept = Vec::with_capacity(rest.0.len());
    while !rest.0.is_empty() {
        let kind = rest.four()?;
        let size = length(u32::from_le_bytes(rest.four()?))?;
        let mut body = rest.take(size)?.to_vec();
        // Chunks begin at even places.
        if size % 2 == 1 {
            rest.take(1)?;
        }
        if !WEBP_KEPT.contains(&&kind) {
            continue;
        }
        match &kind {
            b"VP8X" | b"ANIM" | b"ANMF" if frame => return Err(Broken::Damaged),
            b"VP8X" => *body.first_mut().ok_or(Broken::Damaged)? &= !WEBP_METADATA,
            b"ANMF" => {
                let (head, inside) = body.split_at_checked(WEBP_FRAME).ok_or(Broken::Cut)?;
                body = [head, &webp_chunks(Rest(inside), true, pixels)?].concat();
            }
            // Each begins with a mark of its own (RFC 6386 section 9.1, WebP Lossless section 3).
            b"VP8 " if body.get(3..6) != Some(&[0x9d, 0x01, 0x2a]) => return Err(Broken::Damaged),
            b"VP8L" if body.first() != Some(&0x2f) => return Err(Broken::Damaged),
            b"VP8 " | b"VP8L" => *pixels = true,
            _ => {}
        }
        kept.extend_from_slice(&kind);
        kept.extend_from_slice(&u32::try_from(body.len()).map_err(|_| Broken::Damaged)?.to_le_bytes());
        kept.extend_from_slice(&body);
        if body.len() % 2 == 1 {
            kept.push(0);
        }
    }
    Ok(kept)
}
