//! A register of many records, imported as people import.

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::{Crowd, Seat, origin};
use crate::guard::{Asks, rights};
use crate::identity::Refusal;
use crate::registers::imports;

/// The register of the profile that the benchmark uses, and the rows of one file.
const REGISTER: &str = "policies";
const FILE_ROWS: usize = 100_000;

const STATES: [&str; 4] = ["Draft", "In review", "Approved", "Retired"];
const WORDS: [&str; 16] = [
    "access", "backup", "change", "cipher", "device", "ethics", "facility", "growth", "hiring", "incident", "journal",
    "kernel", "laptop", "mail", "network", "office",
];

fn file(from: usize, rows: usize) -> String {
    let mut csv = "title,edition,status,next_review\n".to_owned();
    for at in from..from + rows {
        let (one, other) = (WORDS[at % 16], WORDS[(at / 16) % 16]);
        let (state, month, day) = (STATES[at % 4], at / 28 % 12 + 1, at % 28 + 1);
        let _ = writeln!(csv, "Policy {at} on {one} and {other},{},{state},2027-{month:02}-{day:02}", at % 9);
    }
    csv
}

impl Crowd {
    /// Imports this many records from files of 100,000 rows: the time that takes, without making the files.
    ///
    /// # Errors
    /// When a file is refused.
    pub async fn import(&self, rows: usize, seat: &Seat) -> Result<Duration, Refusal> {
        let caller = self.caller(&seat.session).await?;
        let mut took = Duration::ZERO;
        for from in (0..rows).step_by(FILE_ROWS) {
            let csv = file(from, FILE_ROWS.min(rows - from));
            let editor = caller
                .may::<rights::RecordsWrite>(&seat.slug, Asks::ToDo)
                .map_err(|barred| Refusal::Conflict(format!("{barred:?}")))?;
            let began = Instant::now();
            let report =
                imports::import(editor, &self.accounts, REGISTER, csv.as_bytes(), &origin(), self.now, Duration::MAX)
                    .await?;
            took += began.elapsed();
            if report.wrong_count > 0 {
                return Err(Refusal::Conflict(format!("{:?}", report.wrong.first())));
            }
        }
        Ok(took)
    }
}
