use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::files::images::Broken;

const LIMIT: u32 = 1024;
const MARKER: &[u8] = b"51.5007N,0.1246W by Ada";

// Eight by eight pixels, from red to blue.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAIEAIAAAAb/fWfAAAAQklEQVQY05XQUQ0AIBRC0etmlGcYwzzDaBfLYBetIPyfwSj3YqUoIaYBtqDHP6hneA1VCW0Zk3rAlgFigtIAAM61D5Z2EAM0q4gpAAAAAElFTkSuQmCC";
const JPEG: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQCgwSExIQEw8QEBD/2wBDAQMDAwQDBAgEBAgQCwkLEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBD/wAARCAAIAAgDAREAAhEBAxEB/8QAFAABAAAAAAAAAAAAAAAAAAAACP/EABgQAAIDAAAAAAAAAAAAAAAAAAABFmOR/8QAFQEBAQAAAAAAAAAAAAAAAAAABwj/xAAXEQADAQAAAAAAAAAAAAAAAAAAGGOh/9oADAMBAAIRAxEAPwAbT25aOK1xwo5ga6f/2Q==";
const WEBP: &str = "UklGRlAAAABXRUJQVlA4IEQAAACwAgCdASoIAAgAAgA0JagCdLcAlgH8AuP8D0P9gAAA/vaw64VOXrH/ji+FUl6/eFUl/8Cd/4U1/5nM6/LrKOkkS4AAAA==";

fn bytes(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).expect("base64")
}

fn takes(name: &str, declared: &str, content: &[u8]) -> Result<Accepted, Unacceptable> {
    accept(LIMIT, name, declared, Bytes::copy_from_slice(content))
}

fn holds(content: &[u8], marker: &[u8]) -> bool {
    content.windows(marker.len()).any(|window| window == marker)
}

fn png_chunk(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let typed = [kind, body].concat();
    // Written another way than in the product.
    let mut crc = u32::MAX;
    for byte in &typed {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let length = u32::try_from(body.len()).expect("small").to_be_bytes();
    [length.as_slice(), &typed, &(!crc).to_be_bytes()].concat()
}

/// A picture with chunks of these kinds, each holding the marker, before its end, and something behind it.
fn png_with(kinds: &[&[u8]], behind: &[u8]) -> Vec<u8> {
    let plain = bytes(PNG);
    let (head, end) = plain.split_at(plain.len() - 12);
    let chunks: Vec<u8> = kinds.iter().flat_map(|kind| png_chunk(kind, MARKER)).collect();
    [head, &chunks, end, behind].concat()
}

fn jpeg_segment(marker: u8, begins: &[u8]) -> Vec<u8> {
    let body = [begins, MARKER].concat();
    let length = u16::try_from(body.len() + 2).expect("small").to_be_bytes();
    [&[0xff, marker], length.as_slice(), &body].concat()
}

fn jpeg_with(segments: &[(u8, &[u8])], behind: &[u8]) -> Vec<u8> {
    let plain = bytes(JPEG);
    let inserted: Vec<u8> = segments.iter().flat_map(|(marker, begins)| jpeg_segment(*marker, begins)).collect();
    [&plain[..2], &inserted, &plain[2..], behind].concat()
}

fn webp_chunk(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("small").to_le_bytes();
    let padding: &[u8] = if body.len() % 2 == 1 { &[0] } else { &[] };
    [kind, &length, body, padding].concat()
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    webp_chunk(b"RIFF", &[b"WEBP".to_vec(), chunks.concat()].concat())
}

fn entry(name: &str) -> (Vec<u8>, Vec<u8>) {
    let short = |number: usize| u16::try_from(number).expect("small").to_le_bytes();
    let local = [b"PK\x03\x04".as_slice(), &[0; 22], &short(name.len()), &[0, 0], name.as_bytes()].concat();
    // Says that it would be four gigabytes when unpacked.
    let sizes = [[5, 0, 0, 0], [0xff; 4]].concat();
    let central = [b"PK\x01\x02".as_slice(), &[0; 16], &sizes, &short(name.len()), &[0; 16], name.as_bytes()].concat();
    (local, central)
}

/// An archive with entries of these names, as a directory tells it.
fn zip(names: &[&str], behind: &[u8]) -> Vec<u8> {
    let (locals, centrals): (Vec<_>, Vec<_>) = names.iter().map(|name| entry(name)).unzip();
    let (locals, centrals) = (locals.concat(), centrals.concat());
    let count = u16::try_from(names.len()).expect("small").to_le_bytes();
    let long = |number: usize| u32::try_from(number).expect("small").to_le_bytes();
    let end = [b"PK\x05\x06".as_slice(), &[0; 4], &count, &count, &long(centrals.len()), &long(locals.len()), &[0, 0]];
    [locals, centrals, end.concat(), behind.to_vec()].concat()
}

const DOCX: &[&str] = &["[Content_Types].xml", "_rels/.rels", "word/document.xml"];

fn odt() -> Vec<u8> {
    let kind = b"application/vnd.oasis.opendocument.text";
    let (local, central) = entry("mimetype");
    let (second, other) = entry("content.xml");
    let (locals, centrals) = ([local, kind.to_vec(), second].concat(), [central, other].concat());
    let long = |number: usize| u32::try_from(number).expect("small").to_le_bytes();
    let counts = [2, 0, 2, 0];
    let end = [b"PK\x05\x06".as_slice(), &[0; 4], &counts, &long(centrals.len()), &long(locals.len()), &[0, 0]];
    [locals, centrals, end.concat()].concat()
}

#[test]
fn every_kind_that_is_taken_is_known_by_its_content() {
    let xlsx = zip(&["[Content_Types].xml", "xl/workbook.xml"], b"");
    let taken: [(&str, &[u8], Kind); 11] = [
        ("a.pdf", b"%PDF-1.7\n1 0 obj", Kind::Pdf),
        ("a.png", &bytes(PNG), Kind::Png),
        ("a.JPG", &bytes(JPEG), Kind::Jpeg),
        ("a.webp", &bytes(WEBP), Kind::Webp),
        ("a.txt", "\u{feff}caf\u{e9}\r\n".as_bytes(), Kind::Text),
        ("a.csv", b"name;since\nAda;1842\n", Kind::Csv),
        ("a.md", b"# Plan\n\n<b>now</b>", Kind::Markdown),
        ("a.docx", &zip(DOCX, b""), Kind::Docx),
        ("a.xlsx", &xlsx, Kind::Xlsx),
        ("a.odt", &odt(), Kind::Odt),
        ("a", b"%PDF-2.0\n", Kind::Pdf),
    ];
    for (name, content, kind) in taken {
        for declared in ["", "application/octet-stream", kind.media_type()] {
            let accepted = takes(name, declared, content).unwrap_or_else(|why| panic!("{name} {declared}: {why}"));
            assert_eq!((accepted.kind, accepted.sha256), (kind, sha256_hex(&accepted.content)), "{name}");
            assert!(Kind::by_ending(&name::ending(&accepted.name)) == Some(kind), "{name}");
        }
    }
    assert!(takes("a.csv", "application/vnd.ms-excel", b"a,b\n").is_ok());
}

#[test]
fn what_no_allow_list_has_is_refused_under_any_name() {
    let html = b"  <!DOCTYPE html><script>alert(1)</script>";
    let hostile: [&[u8]; 15] = [
        html,
        b"<html><body onload=alert(1)>",
        b"\xef\xbb\xbf<ScRiPt>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<?xml version='1.0'?><svg/>",
        b"#!/bin/sh\nrm -rf /\n",
        b"MZ\x90\x00\x03\x00\x00\x00",
        b"\x7fELF\x02\x01\x01\x00",
        b"\xca\xfe\xba\xbe\x00\x00\x00\x34",
        b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
        b"7z\xbc\xaf\x27\x1c\x00\x04",
        b"Rar!\x1a\x07\x01\x00",
        b"text with a \0 in it",
        b"\xff\xfet\x00e\x00x\x00t\x00",
    ];
    for content in hostile {
        for name in ["a.txt", "a.pdf", "a.png", "a.md", "a.docx", "a.svg", "a.html", "a"] {
            assert_eq!(takes(name, "", content), Err(Unacceptable::NotTaken), "{name}: {content:?}");
        }
    }
}

#[test]
fn archives_that_are_no_document_are_refused() {
    let jar = zip(&["META-INF/MANIFEST.MF", "Evil.class"], b"");
    let macros = zip(&["[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"], b"");
    let both = zip(&["[Content_Types].xml", "word/document.xml", "xl/workbook.xml"], b"");
    let behind = zip(DOCX, b"<script>alert(1)</script>");
    let mut cut = zip(DOCX, b"");
    cut.truncate(cut.len() - 30);
    for (what, content) in [("jar", jar), ("macros", macros), ("both", both), ("behind", behind), ("cut", cut)] {
        assert_eq!(takes("a.docx", "", &content), Err(Unacceptable::NotTaken), "{what}");
    }
    assert_eq!(takes("a.docx", "", b"PK\x03\x04"), Err(Unacceptable::NotTaken));
}

#[test]
fn a_document_that_would_be_gigabytes_when_unpacked_is_kept_as_it_came() {
    let bomb = zip(DOCX, b"");
    let accepted = takes("plan.docx", "application/zip", &bomb).expect("a document");
    assert_eq!(accepted.content, bomb);
}

#[test]
fn a_name_or_a_declaration_that_says_something_else_is_refused() {
    for (name, declared, content) in [
        ("report.exe", "", b"%PDF-1.7\n".as_slice()),
        ("report.pdf.exe", "application/pdf", b"%PDF-1.7\n"),
        ("report.html", "", b"only words"),
        ("report.svg", "image/svg+xml", b"only words"),
        ("report.pdf", "", &bytes(PNG)),
        ("report.png", "", &bytes(JPEG)),
        ("report.pdf", "text/html", b"%PDF-1.7\n"),
        ("report.txt", "text/html; charset=utf-8", b"only words"),
        ("report.docx", "", &zip(&["[Content_Types].xml", "xl/workbook.xml"], b"")),
    ] {
        let refused = takes(name, declared, content).expect_err(name);
        assert!(matches!(refused, Unacceptable::Contradicts { .. }), "{name} {declared}: {refused}");
        assert_eq!(Problem::from(refused).status(), 415);
    }
}

#[test]
fn a_picture_that_is_also_a_page_is_kept_without_the_page() {
    let page = b"<!DOCTYPE html><script>alert(1)</script>";
    for (name, content, plain) in [
        ("a.png", png_with(&[], page), bytes(PNG)),
        ("a.jpg", jpeg_with(&[], page), bytes(JPEG)),
        ("a.webp", [bytes(WEBP), page.to_vec()].concat(), bytes(WEBP)),
    ] {
        assert!(holds(&content, b"<script"));
        assert_eq!(takes(name, "", &content).expect(name).content, plain, "{name}");
    }
    let before = [page.as_slice(), &bytes(PNG)].concat();
    assert_eq!(takes("a.png", "image/png", &before), Err(Unacceptable::NotTaken));
}

#[test]
fn where_and_by_whom_a_picture_was_taken_is_gone_and_the_picture_is_the_same() {
    let png = png_with(&[b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"prVt"], b"");
    let exif: &[(u8, &[u8])] = &[
        (0xe1, b"Exif\0\0"),
        (0xe1, b"http://ns.adobe.com/xap/1.0/\0"),
        (0xed, b"Photoshop 3.0\08BIM"),
        (0xfe, b""),
        (0xe2, b"MPF\0"),
        (0xe0, b"JFXX\0"),
    ];
    let jpeg = jpeg_with(exif, &jpeg_with(exif, b""));
    let picture = bytes(WEBP)[12..].to_vec();
    let extended = |flags: u8| webp_chunk(b"VP8X", &[flags, 0, 0, 0, 7, 0, 0, 7, 0, 0]);
    let metadata = [webp_chunk(b"EXIF", MARKER), webp_chunk(b"XMP ", MARKER), webp_chunk(b"abcd", MARKER)].concat();
    let webp = riff(&[extended(0x0c), picture.clone(), metadata]);
    for (name, content, plain) in
        [("a.png", png, bytes(PNG)), ("a.jpg", jpeg, bytes(JPEG)), ("a.webp", webp, riff(&[extended(0), picture]))]
    {
        assert!(holds(&content, MARKER), "{name}");
        let kept = takes(name, "", &content).expect(name).content;
        assert!(!holds(&kept, MARKER) && !holds(&kept, b"Exif") && kept == plain, "{name}");
    }
}

#[test]
fn a_preview_inside_of_a_jpeg_goes_and_its_colours_stay() {
    let plain = bytes(JPEG);
    let jfif = [&[0xff, 0xe0, 0, 17 + 23], &plain[6..18], &[1, 1], MARKER, &[0]].concat();
    let icc = jpeg_segment(0xe2, b"ICC_PROFILE\0\x01\x01");
    let kept = takes("a.jpg", "", &[&plain[..2], &jfif, &icc, &plain[20..]].concat()).expect("a picture").content;
    assert_eq!(kept, [&plain[..20], &icc, &plain[20..]].concat());
}

#[test]
fn a_broken_picture_is_refused_with_a_sentence_that_says_what_to_do() {
    for (name, content) in [("a.png", bytes(PNG)), ("a.jpg", bytes(JPEG)), ("a.webp", bytes(WEBP))] {
        for length in 12..content.len() - 1 {
            let refused = takes(name, "", &content[..length]).expect_err(name);
            assert!(matches!(refused, Unacceptable::Broken(_)), "{name} cut at {length}: {refused}");
        }
    }
    let mut flipped = bytes(PNG);
    flipped[50] ^= 1;
    let refused = takes("a.png", "", &flipped).expect_err("damaged");
    assert_eq!(refused, Unacceptable::Broken(Broken::Damaged));
    let problem = Problem::from(refused);
    assert_eq!(
        (problem.status(), problem.blames().first().map(|(field, _)| (*field).to_owned())),
        (422, Some("file".to_owned()))
    );
    assert!(problem.detail().contains("save it again"));
    // A frame inside of a frame inside of a frame.
    let mut nested = webp_chunk(b"ANMF", &[0; 16]);
    for _ in 0..2000 {
        nested = webp_chunk(b"ANMF", &[[0; 16].to_vec(), nested].concat());
    }
    assert_eq!(takes("a.webp", "", &riff(&[nested])), Err(Unacceptable::Broken(Broken::Damaged)));
}

#[test]
fn no_garbage_in_a_picture_breaks_the_reader() {
    let mut state = 88_172_645_463_325_252_u64;
    for picture in [PNG, JPEG, WEBP].map(bytes) {
        for _ in 0..4000 {
            let mut garbled = picture.clone();
            for _ in 0..4 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let [high, low, value, ..] = state.to_be_bytes();
                let at = usize::from(u16::from_be_bytes([high, low])) % garbled.len();
                garbled[at] = value;
            }
            // What is still taken stays what it is when it is taken again.
            if let Ok(once) = takes("a", "", &garbled) {
                assert_eq!(takes(&once.name, "", &once.content).expect("again").content, once.content);
            }
        }
    }
}

#[test]
fn an_upload_that_is_too_large_stops_with_the_first_byte_too_many() {
    let mut gathering = Gathering::new(1);
    gathering.push(&[b'a'; 1000]).expect("room");
    gathering.push(&[b'a'; 24]).expect("room");
    assert_eq!(gathering.push(b"a"), Err(Unacceptable::TooLarge { limit_kib: 1 }));
    assert_eq!(gathering.content.capacity(), 0);
    assert_eq!(Problem::from(Unacceptable::TooLarge { limit_kib: 1 }), Problem::TooLarge { limit_kib: 1 });
    let mut exactly = Gathering::new(1);
    exactly.push(&[b'a'; 1024]).expect("room");
    assert_eq!(exactly.finish("../\u{202e}a.txt", "text/plain").expect("a text").name, "a.txt");
    assert_eq!(takes("a.txt", "", b""), Err(Unacceptable::Empty));
}
