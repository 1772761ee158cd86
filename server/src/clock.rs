//! Time and chance, as arguments.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime};

/// Where the time comes from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    #[default]
    Real,
    /// Real time plus the signed seconds that a file holds, read anew each time. Environment `test` only.
    Shifted(Arc<Shift>),
    /// One instant, for use cases under test.
    Fixed(OffsetDateTime),
}

/// A file with signed seconds. While it is being written, what it last said holds.
#[derive(Debug)]
pub struct Shift {
    file: PathBuf,
    last_good: AtomicI64,
}

impl Shift {
    pub fn new(file: PathBuf) -> Self {
        Self { file, last_good: AtomicI64::new(0) }
    }

    fn read(&self) -> Duration {
        let written = std::fs::read_to_string(&self.file).ok().and_then(|text| text.trim().parse().ok());
        if let Some(seconds) = written {
            self.last_good.store(seconds, Ordering::Relaxed);
        }
        Duration::seconds(self.last_good.load(Ordering::Relaxed))
    }
}

impl Clock {
    pub fn shifted(file: PathBuf) -> Self {
        Self::Shifted(Arc::new(Shift::new(file)))
    }

    pub fn now(&self) -> OffsetDateTime {
        match self {
            Self::Real => OffsetDateTime::now_utc(),
            Self::Shifted(shift) => OffsetDateTime::now_utc().saturating_add(shift.read()),
            Self::Fixed(at) => *at,
        }
    }
}

/// Milliseconds since the Unix epoch, as the database and the hash chains keep instants.
pub fn to_ms(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

pub fn from_ms(ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// RFC 3339 to the second, in UTC: `2026-11-21T12:00:00Z`.
pub fn rfc3339(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    let (date, time) = (at.date(), at.time());
    format!("{date}T{:02}:{:02}:{:02}Z", time.hour(), time.minute(), time.second())
}

/// A bare date such as `2026-04-30`.
///
/// # Errors
/// Says what a date looks like.
pub fn parse_date(text: &str) -> Result<time::Date, String> {
    let form = time::macros::format_description!("[year]-[month]-[day]");
    time::Date::parse(text, form).map_err(|_| format!("\"{text}\" is not a date; write it as 2026-04-30"))
}
