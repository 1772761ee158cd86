//! What every request shares: the settings, the page as last drawn, and the limits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use server::clock::Clock;
use server::controls::web_hygiene::rate_limits_on;
use server::controls::{Instance, Serving};
use server::exports::work;
use server::guard::{AccountId, Operator, ReadError, Visitor};
use server::identity::{Accounts, housekeeping};
use server::jobs::{self, Line};
use server::mail::{Post, queue};
use server::profile::Profile;
use server::retention;
use server::storage;
use server::trust::{Board, Facts, history};
use time::OffsetDateTime;
use tracing::error;

use super::assets::Assets;
use super::client::Networks;
use super::limiter::Limiter;
use super::respond::Rendered;
use crate::trust::page;

/// How often the record is looked at: a change is on the page well within a second.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// If nobody has looked for this long, whoever asks next looks first.
const LOOK_AT_MOST: Duration = Duration::from_secs(3);

/// How this instance is reached and whom it believes.
#[derive(Clone, Debug)]
pub struct Settings {
    pub serving: Serving,
    /// `host[:port]` values that a request may be meant for.
    pub hosts: Vec<String>,
    pub trusted_proxies: Networks,
}

/// The page at one instant, ready to send.
#[derive(Debug)]
pub struct Snapshot {
    pub board: Arc<Board>,
    pub facts: Arc<Facts>,
    pub trust: Rendered,
    revision: i64,
}

#[derive(Debug)]
pub struct Site {
    pub profile: Arc<Profile>,
    pub visitor: Visitor,
    pub clock: Clock,
    pub settings: Settings,
    pub assets: Assets,
    pub accounts: Accounts,
    pub limiter: Limiter,
    snapshot: RwLock<Arc<Snapshot>>,
    started: Instant,
    /// Milliseconds after `started`.
    looked_at: AtomicI64,
    looking: tokio::sync::Mutex<()>,
    database_answers: AtomicBool,
}

impl Site {
    /// Reads the record and draws the first page.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open(
        profile: Arc<Profile>,
        visitor: Visitor,
        clock: Clock,
        settings: Settings,
        assets: Assets,
        accounts: Accounts,
    ) -> Result<Self, ReadError> {
        let revision = visitor.revision().await?;
        let facts = Facts::read(&visitor, &profile.id).await?;
        let board = Board::draw(&profile, &facts, clock.now());
        let trust = page::rendered(&board, &settings, &assets);
        let limiter = Limiter::new(&profile.policy.limits);
        limiter.switch(rate_limits_on(&facts));
        let snapshot =
            RwLock::new(Arc::new(Snapshot { board: Arc::new(board), facts: Arc::new(facts), trust, revision }));
        Ok(Self {
            profile,
            visitor,
            clock,
            settings,
            assets,
            accounts,
            limiter,
            snapshot,
            started: Instant::now(),
            looked_at: AtomicI64::new(0),
            looking: tokio::sync::Mutex::new(()),
            database_answers: AtomicBool::new(true),
        })
    }

    /// The newest snapshot, if somebody has looked lately.
    pub fn fresh(&self) -> Option<Arc<Snapshot>> {
        (self.since_look() <= LOOK_AT_MOST).then(|| self.snapshot())
    }

    /// The newest snapshot. If the looking has stopped, looks first: a stopped task must not freeze the page.
    pub async fn current(&self) -> Arc<Snapshot> {
        // One looks for everybody, and nobody waits for a database that hangs: then the page ages from memory.
        if self.fresh().is_none()
            && let Ok(_alone) = self.looking.try_lock()
        {
            let _ = tokio::time::timeout(LOOK_EVERY, self.look()).await;
        }
        self.snapshot()
    }

    pub fn ready(&self) -> bool {
        self.database_answers.load(Ordering::Relaxed) && self.since_look() <= LOOK_AT_MOST
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn since_look(&self) -> Duration {
        let looked = u64::try_from(self.looked_at.load(Ordering::Relaxed)).unwrap_or(0);
        self.started.elapsed().saturating_sub(Duration::from_millis(looked))
    }

    /// Reads what has changed and draws the page again if a reader would see a difference.
    pub async fn look(&self) {
        let old = self.snapshot();
        let read = self.read(&old).await;
        self.database_answers.store(read.is_ok(), Ordering::Relaxed);
        // Without the database the claims are decided on what was known, and age.
        let (revision, facts) = read.unwrap_or_else(|cause| {
            error!(%cause, "the record could not be read");
            (old.revision, Arc::clone(&old.facts))
        });
        self.limiter.switch(rate_limits_on(&facts));
        let board = Board::draw(&self.profile, &facts, self.clock.now());
        let changed = !board.same_as(&old.board);
        if changed || revision != old.revision {
            let trust = if changed { page::rendered(&board, &self.settings, &self.assets) } else { old.trust.clone() };
            let board = if changed { Arc::new(board) } else { Arc::clone(&old.board) };
            let fresh = Arc::new(Snapshot { board, facts, trust, revision });
            *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        let looked = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.looked_at.store(looked, Ordering::Relaxed);
    }

    async fn read(&self, old: &Snapshot) -> Result<(i64, Arc<Facts>), ReadError> {
        let revision = self.visitor.revision().await?;
        if revision == old.revision {
            return Ok((revision, Arc::clone(&old.facts)));
        }
        Ok((revision, Arc::new(Facts::read(&self.visitor, &self.profile.id).await?)))
    }
}

/// Looks forever, and writes down what changed by the clock alone. The first entries wait for the first round of checks,
/// so that a new page is published with what they saw. A look that breaks is told and does not end the looking.
pub async fn watch(site: Arc<Site>, instance: Instance, checked: Arc<AtomicBool>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let (looking, operator, write) =
            (Arc::clone(&site), instance.operator.clone(), checked.load(Ordering::Relaxed));
        let looked = tokio::spawn(async move {
            looking.look().await;
            let now = looking.snapshot();
            if write && let Err(cause) = history::observe(&operator, &now.board, &now.facts).await {
                error!(%cause, "the history could not be written");
            }
            looking.limiter.forget_idle();
        });
        if let Err(cause) = looked.await {
            error!(%cause, "a look broke");
        }
    }
}

/// Runs the checks that are due, forever. A round that breaks is told and does not end the rounds.
pub async fn schedule(site: Arc<Site>, instance: Instance, checked: Arc<AtomicBool>) {
    let wanted = jobs::wanted(&instance);
    // What was due while nobody served is done before it is looked whether it was.
    let first = instance.clone();
    let kept_up = tokio::spawn(async move {
        let now = first.clock.now();
        let line = jobs::upkeep_line(&first.operator, &first.accounts, now).await;
        keep(&first.operator, &[line], now).await;
    });
    if let Err(cause) = kept_up.await {
        error!(%cause, "the first round through the organisations broke");
    }
    // So is a backup: a large one goes on by itself, and the checks do not wait for it.
    let first = instance.clone();
    let copied = tokio::spawn(async move { jobs::copies_lines(&first).await });
    if let Ok(Ok(Err(cause))) = tokio::time::timeout(FIRST_COPY_AT_MOST, copied).await {
        error!(%cause, "the receipts of backups could not be read");
    }
    loop {
        let due = jobs::due(&wanted, &site.snapshot().facts, instance.clock.now());
        if !due.is_empty() {
            let round = instance.clone();
            let ran = tokio::spawn(async move { jobs::run_checks(&round, &due).await }).await;
            match ran {
                Ok(Ok(_)) => {}
                Ok(Err(cause)) => {
                    let full = storage::is_full(&cause.to_string());
                    error!(%cause, full, "a round of checks could not be stored");
                }
                Err(cause) => error!(%cause, "a round of checks broke"),
            }
            site.look().await;
        }
        checked.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// How long the first round of checks waits for a backup that is due at the start.
const FIRST_COPY_AT_MOST: Duration = Duration::from_secs(20);

/// How often it is looked whether a backup, a drill or a keyring is due.
const COPY_EVERY: Duration = Duration::from_secs(20);

/// Takes backups, tries them and hands out keyrings when they are due, forever. A round that breaks is told and does not end the rounds.
pub async fn copy(instance: Instance) {
    loop {
        tokio::time::sleep(COPY_EVERY).await;
        let round = instance.clone();
        match tokio::spawn(async move { jobs::copies_lines(&round).await }).await {
            Ok(Ok(_)) => {}
            Ok(Err(cause)) => error!(%cause, "the receipts of backups could not be read"),
            Err(cause) => error!(%cause, "a round of backups broke"),
        }
    }
}

/// How often the queue is looked at when nobody rings: for letters whose time has come, and for those of another instance.
const MAIL_EVERY: Duration = Duration::from_secs(5);

/// Sends letters as they are queued, forever.
pub async fn deliver(site: Arc<Site>, operator: Operator, post: Post) {
    loop {
        let _ = tokio::time::timeout(MAIL_EVERY, site.accounts.bell.notified()).await;
        match queue::deliver(&operator, &site.accounts.vault, &post, site.clock.now()).await {
            // A full round: there may be more.
            Ok(round) if round.sent >= 20 => site.accounts.bell.notify_one(),
            Ok(_) => {}
            Err(cause) => error!(%cause, "the letters could not be read"),
        }
    }
}

/// Makes the archives that were asked for, one organisation after the other, forever.
pub async fn export(site: Arc<Site>, operator: Operator) {
    loop {
        let tenant = work::asked().await;
        let (accounts, now) = (site.accounts.clone(), site.clock.now());
        let making = operator.clone();
        let made = tokio::spawn(async move { work::all_of(&making, &accounts, tenant, now).await });
        match made.await {
            Ok(Ok(0)) => {}
            Ok(Ok(made)) => keep(&operator, &[jobs::archives_made(made, 0)], now).await,
            Ok(Err(cause)) => {
                error!(%cause, "the archives of an organisation could not be made");
                keep(&operator, &[jobs::archives_made(0, 1)], now).await;
            }
            Err(cause) => error!(%cause, "the making of an archive broke"),
        }
    }
}

/// How often it is looked whether something is due to be destroyed: what is promised to the day is kept to the second.
const DUE_EVERY: Duration = Duration::from_secs(1);

/// Destroys what is due, forever. A round that breaks is told, and what it began goes on with the next one.
pub async fn destroy(site: Arc<Site>, operator: Operator) {
    loop {
        match retention::due(&operator, &site.accounts, site.clock.now()).await {
            Ok(round) if round.purged + round.erased > 0 => {
                tracing::info!(purged = round.purged, erased = round.erased, "what was due was destroyed");
            }
            Ok(_) => {}
            Err(cause) => error!(%cause, "it could not be looked what is due to be destroyed"),
        }
        tokio::time::sleep(DUE_EVERY).await;
    }
}

/// How often between two sweeps it is looked whether there are new keys.
const KEYS_PER_SWEEP: u32 = 12;

/// Whether this is the first refusal of its kind within a minute: a log that somebody can fill at will hides what matters.
pub fn first_lately((account, slug, what): (AccountId, &str, &str)) -> bool {
    static TOLD: LazyLock<Mutex<HashMap<String, Instant>>> = LazyLock::new(Mutex::default);
    let (key, now) = (format!("{} {slug} {what}", account.0), Instant::now());
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    told.retain(|_, at| now.duration_since(*at) < Duration::from_mins(1));
    told.insert(key, now).is_none()
}

/// Lets go of sessions, links and buckets that have run out, and does what is due in every organisation, once a minute.
/// Hears of new keys every few seconds.
pub async fn sweep(site: Arc<Site>, operator: Operator) {
    loop {
        for _ in 0..KEYS_PER_SWEEP {
            tokio::time::sleep(Duration::from_mins(1) / KEYS_PER_SWEEP).await;
            if let Err(cause) = site.accounts.vault.tick(site.clock.now()).await {
                error!(%cause, "the keys could not be read");
            }
        }
        if let Err(cause) = housekeeping::clear(&operator, site.clock.now()).await {
            error!(%cause, "what has run out could not be cleared");
        }
        let now = site.clock.now();
        let upkeep = jobs::upkeep_line(&operator, &site.accounts, now).await;
        let retention = jobs::retention_line(&operator, &site.accounts, now).await;
        keep(&operator, &[upkeep, retention], now).await;
    }
}

/// What jobs came to, for the staff's page. That it cannot be kept is told and stops nothing.
async fn keep(operator: &Operator, lines: &[Line], now: OffsetDateTime) {
    if let Err(cause) = jobs::kept::keep(operator, lines, now).await {
        error!(%cause, "what the jobs came to could not be kept");
    }
}
