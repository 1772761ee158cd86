//! The programs that verify what we sign and share no code with us: Python, for anybody to read and run.

/// Name and text of each. They lie among our tests, which run them.
pub const VERIFIERS: &[(&str, &str)] = &[
    ("verify_log.py", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verify_log.py"))),
    ("verify_review.py", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verify_review.py"))),
];
