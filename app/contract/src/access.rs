//! The access table: every address that this program answers, who may use it, and what it does.
//!
//! The router is built from this table and from nothing else, so an address without a row
//! cannot be reached; the self-test of the running instance walks the same rows.

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Everyone,
}

/// What an answer may cost, and so which limit it counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Reading a public page.
    Read,
    /// Whether the process lives; never limited, so that a flood cannot make it look dead.
    Health,
}

/// One row: a page, its path pattern, who may, and what it counts as.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub page: Page,
    pub path: &'static str,
    pub who: Who,
    pub class: Class,
    /// A concrete address of this pattern that always exists, for those who walk the table.
    pub example: &'static str,
}

macro_rules! pages {
    ($($name:ident $path:literal $who:ident $class:ident $example:literal;)*) => {
        /// Every page. The router matches on it exhaustively.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Page { $($name),* }

        /// The table itself.
        pub const PAGES: &[Row] = &[$(Row {
            page: Page::$name,
            path: $path,
            who: Who::$who,
            class: Class::$class,
            example: $example,
        }),*];
    };
}

pages! {
    Home "/" Everyone Read "/";
    Trust "/trust" Everyone Read "/trust";
    TrustJson "/trust.json" Everyone Read "/trust.json";
    TrustClaim "/trust/claims/{id}" Everyone Read "/trust/claims/{first}";
    TrustHistory "/trust/history" Everyone Read "/trust/history";
    TrustFeed "/trust/feed.atom" Everyone Read "/trust/feed.atom";
    TrustBadge "/trust/badge.svg" Everyone Read "/trust/badge.svg";
    Privacy "/privacy" Everyone Read "/privacy";
    PrivacyVersion "/privacy/{version}" Everyone Read "/privacy/{version}";
    Terms "/terms" Everyone Read "/terms";
    TermsVersion "/terms/{version}" Everyone Read "/terms/{version}";
    SecurityTxt "/.well-known/security.txt" Everyone Read "/.well-known/security.txt";
    Robots "/robots.txt" Everyone Read "/robots.txt";
    Icon "/favicon.ico" Everyone Read "/favicon.ico";
    Asset "/pkg/{*file}" Everyone Read "/pkg/avouch.css";
    Health "/healthz" Everyone Health "/healthz";
    Ready "/readyz" Everyone Health "/readyz";
}
