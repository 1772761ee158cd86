//! The files that the pages need, read once at start-up and kept in all encodings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use server::crypto::sha256_hex;

use super::respond::{BARE_POLICY, Rendered};

/// Name below `/pkg/`, path below the site folder, type.
const FILES: &[(&str, &str, &str)] = &[
    ("avouch.css", "pkg/avouch.css", "text/css; charset=utf-8"),
    ("display.woff2", "display.woff2", "font/woff2"),
    ("icon.svg", "icon.svg", "image/svg+xml"),
    ("people.js", "people.js", "text/javascript; charset=utf-8"),
    ("reviews.js", "reviews.js", "text/javascript; charset=utf-8"),
    ("avouch.js", "pkg/avouch.js", "text/javascript; charset=utf-8"),
    ("avouch.wasm", "pkg/avouch.wasm", "application/wasm"),
];

/// Those that a page's script is made of: its address changes when one of them does.
const SCRIPT: &[&str] = &["people.js", "reviews.js", "avouch.js", "avouch.wasm"];

#[derive(Debug)]
pub struct Assets {
    files: BTreeMap<&'static str, Rendered>,
    style: String,
    script: String,
}

impl Assets {
    /// # Errors
    /// Names the file that is missing.
    pub fn load(folder: &Path) -> Result<Self, PathBuf> {
        let mut files = BTreeMap::new();
        let (mut style, mut parts) = (String::new(), String::new());
        for (name, path, kind) in FILES {
            let path = folder.join(path);
            let content = std::fs::read(&path).map_err(|_| path)?;
            if *name == "avouch.css" {
                style = format!("/pkg/avouch.css?v={}", &sha256_hex(&content)[..12]);
            }
            if SCRIPT.contains(name) {
                parts.push_str(&sha256_hex(&content));
            }
            files.insert(*name, Rendered::new(content, kind, "public, max-age=604800", BARE_POLICY));
        }
        let script = format!("/pkg/people.js?v={}", &sha256_hex(parts.as_bytes())[..12]);
        Ok(Self { files, style, script })
    }

    pub fn get(&self, name: &str) -> Option<&Rendered> {
        self.files.get(name)
    }

    /// The address of the script of pages that have one.
    pub fn script(&self) -> &str {
        &self.script
    }

    /// The style sheet's address; it changes with its content.
    pub fn style(&self) -> &str {
        &self.style
    }
}
