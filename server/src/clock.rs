//! Time and chance, as arguments.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::format_description::well_known::Rfc3339;
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

/// A clock that is kept by NTP is moved by less than this at once.
const LEAP: Duration = Duration::seconds(2);

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

    /// Whether it was set, or the machine slept, since it said `before`, which was so long ago by a clock that only ever runs.
    pub fn leapt(&self, before: OffsetDateTime, ran: std::time::Duration) -> bool {
        match self {
            Self::Real | Self::Shifted(_) => {
                let passed = (self.now() - before).as_seconds_f64();
                (passed - ran.as_secs_f64()).abs() > LEAP.as_seconds_f64()
            }
            Self::Fixed(_) => false,
        }
    }
}

/// Milliseconds since the Unix epoch, as the database and the hash chains keep instants.
pub fn to_ms(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

pub fn from_ms(ms: i64) -> OffsetDateTime {
    let after = u16::try_from(ms.rem_euclid(1000)).unwrap_or_default();
    let at = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)).and_then(|at| at.replace_millisecond(after));
    at.unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// RFC 3339 to the second, in UTC: `2026-11-21T12:00:00Z`.
pub fn rfc3339(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    let (date, time) = (at.date(), at.time());
    format!("{date}T{:02}:{:02}:{:02}Z", time.hour(), time.minute(), time.second())
}

/// What [`rfc3339`] wrote.
pub fn parse_rfc3339(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// A bare date such as `2026-04-30`.
///
/// # Errors
/// Says what a date looks like.
pub fn parse_date(text: &str) -> Result<time::Date, String> {
    let form = time::macros::format_description!("[year]-[month]-[day]");
    time::Date::parse(text, form).map_err(|_| format!("\"{text}\" is not a date; write it as 2026-04-30"))
}
