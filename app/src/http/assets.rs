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
];

#[derive(Debug)]
pub struct Assets {
    files: BTreeMap<&'static str, Rendered>,
    style: String,
}

impl Assets {
    /// # Errors
    /// Names the file that is missing.
    pub fn load(folder: &Path) -> Result<Self, PathBuf> {
        let mut files = BTreeMap::new();
        let mut style = String::new();
        for (name, path, kind) in FILES {
            let path = folder.join(path);
            let content = std::fs::read(&path).map_err(|_| path)?;
            if *name == "avouch.css" {
                style = format!("/pkg/avouch.css?v={}", &sha256_hex(&content)[..12]);
            }
            files.insert(*name, Rendered::new(content, kind, "public, max-age=604800", BARE_POLICY));
        }
        Ok(Self { files, style })
    }

    pub fn get(&self, name: &str) -> Option<&Rendered> {
        self.files.get(name)
    }

    /// The style sheet's address; it changes with its content.
    pub fn style(&self) -> &str {
        &self.style
    }
}
