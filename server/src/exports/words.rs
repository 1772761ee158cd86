//! The two pages for people: a text, and a small page without script.

use std::fmt::Write;

use time::OffsetDateTime;

use super::archive::SectionSaid;
use super::manifest::Named;
use crate::clock::rfc3339;

/// What a section is, in a few words.
fn said(name: &str) -> &'static str {
    match name {
        "organisation" => "its name and where the subscription stands",
        "members" => "who belongs to it, in which role, since when",
        "roles" => "the roles that it made itself",
        "units" => "its units",
        "reach" => "which member reaches which unit or record",
        "invitations" => "who was asked to join and has not answered",
        "departures" => "whose access was ended or will be",
        "help" => "when the vendor's staff was let in",
        "holds" => "what must not be destroyed, and why",
        "days" => "how many of what there were on a day",
        "history" => "what records said before each change",
        "acts" => "what was done to many records at once",
        "files" => "the attached files, which lie in files/",
        _ if name.starts_with("records/") => "records of this register",
        _ => "kept by the organisation",
    }
}

pub(crate) fn readme(named: &Named, sections: &[SectionSaid], masked: bool) -> String {
    let mut text = format!("Everything of {}\n\n", one_line(&named.name));
    text.push_str(if masked {
        "A copy for testing: names, addresses, dates of people and everything that was written freely are replaced,\nfiles and the log are left out. Nothing in here leads back to a person.\n\n"
    } else {
        "This is yours: everything that the organisation keeps, in forms that other programs read. Keep it safe, it is\nnot encrypted any more.\n\n"
    });
    text.push_str("WHAT IS IN IT\n\n");
    for section in sections {
        let _ = writeln!(text, "  {:<28} {:>9} rows  {}", section.name, section.rows, said(&section.name));
    }
    text.push_str(
        "\nEach section is there twice: as .jsonl, one JSON object a line, and as .csv, a table (RFC 4180, UTF-8). The\n\
         columns of each register are described in data/records/schema.json. Instants are in UTC.\n\n\
         TABLES IN A SPREADSHEET\n\n\
         A text that begins with = + - @ a tab or a carriage return would be computed by a spreadsheet, so in the .csv it\n\
         has an apostrophe before it; a text that begins with an apostrophe has one more. To undo it, take one leading\n\
         apostrophe away from every text that has one. Numbers, and the .jsonl files, are not touched.\n\n\
         IS IT WHOLE?\n\n\
         manifest.json lists every file with its length and SHA-256, and every section with its rows. manifest.sig has an\n\
         Ed25519 signature of the bytes \"avouch-archive/1\", a line feed (one byte, 0x0A), and then all of manifest.json,\n\
         and the public key that verifies it; compare that key with the one that the vendor publishes at /keys of its address,\n\
         where the commands are too that check the signature.\n\n",
    );
    if !masked {
        text.push_str(
            "THE LOG\n\n\
             log/entries.jsonl has every entry with its hash, log/heads.jsonl the signed heads, log/public-key.txt the key,\n\
             log/log.csv the same for reading. An entry's hash is made of the one before it: SHA-256 of the byte 2, the\n\
             hash before, and the leaf; the leaf is SHA-256 of the byte 0 and the entry's fields, each after its length in\n\
             four bytes. The confidential part of an entry (\"detail\") stays sealed in entries.jsonl, so that the chain can\n\
             be verified, and stands in the open in log.csv.\n",
        );
    }
    text
}

/// For one person.
pub(crate) fn about_you(name: &str, sections: &[SectionSaid]) -> String {
    let mut text = format!(
        "Everything that is kept about {}\n\nThis copy is yours and is not encrypted any more. Each part is there twice, as a table (.csv) and as JSON\nLines (.jsonl); manifest.json lists every file with its SHA-256.\n\n",
        one_line(name)
    );
    for section in sections {
        let _ = writeln!(text, "  {:<18} {:>7} rows", section.name, section.rows);
    }
    text.push_str("\nA text that a spreadsheet would compute has an apostrophe before it in the tables; take it away to undo that.\n");
    text
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1d2126;background:#fff}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #d5d9de}\
td.n{text-align:right;font-variant-numeric:tabular-nums}a{color:#0b57a4}@media(prefers-color-scheme:dark){body{color:#e8eaed;background:#16191d}\
th,td{border-color:#3a4048}a{color:#8ab8f0}}";

/// A page that opens beside the files, without a program and without the network.
pub(crate) fn page(named: &Named, sections: &[SectionSaid], now: &OffsetDateTime) -> String {
    let name = escaped(&named.name);
    let rows = sections.iter().fold(String::new(), |mut rows, section| {
        let (title, what) = (escaped(&section.name), said(&section.name));
        let (lines, table) = (escaped(&section.file), escaped(&section.table.file));
        let _ = write!(
            rows,
            "<tr><th scope=\"row\">{title}</th><td>{what}</td><td class=\"n\">{}</td><td><a href=\"{table}\">table</a> <a href=\"{lines}\">lines</a></td></tr>",
            section.rows
        );
        rows
    });
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Everything of {name}</title><style>{STYLE}</style></head><body><main><h1>Everything of {name}</h1>\
         <p>As it was on {at}. How to read the files, and how to see that nothing is missing, is told in <a href=\"README.txt\">README.txt</a>.</p>\
         <table><thead><tr><th scope=\"col\">Section</th><th scope=\"col\">What it is</th><th scope=\"col\">Rows</th><th scope=\"col\">Open</th></tr></thead>\
         <tbody>{rows}</tbody></table></main></body></html>\n",
        at = rfc3339(*now)
    )
}
