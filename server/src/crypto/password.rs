//! Passwords: argon2id on threads of its own behind a bounded queue, so that a storm of sign-ins slows sign-ins and nothing else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::profile::policy::Passwords;

/// How the pages call it.
pub const SCHEME: &str = "Argon2id";

/// Longer than any allowed password in UTF-8: what is longer is not worth a hash. In bytes.
const LONGEST: usize = 1024;

/// Waiting places for each thread: with 15 ms for a hash the last in the queue waits about half a second.
const PLACES_PER_THREAD: usize = 32;

/// A thread that has had nothing to do for so long gives its memory back.
const IDLE: Duration = Duration::from_secs(5);

/// Below everything else on the machine: whoever reads a page goes first.
const NICENESS: i32 = 19;

/// 16 bytes of salt and 32 of hash (RFC 9106 section 3.1).
const SALT: usize = 16;
const HASH: usize = 32;

/// A password on its way: never printed, wiped when dropped. There is no way to write one down.
pub struct Password(Zeroizing<String>);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Password {
    /// Normalised (NFKC, NIST SP 800-63B section 5.1.1.2), so that the same keys give the same password on every device.
    /// `None` when it is longer than any password may be.
    pub fn typed(text: &str) -> Option<Self> {
        (text.len() <= LONGEST).then(|| Self(Zeroizing::new(text.nfkc().collect())))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The queue is full: come back in a moment.
    #[error("as many passwords as the machine can bear are being checked; come back in {0} s")]
    Busy(u64),
    #[error("the password could not be hashed: {0}")]
    Broken(String),
}

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    pub right: bool,
    /// Made with less than what the profile asks for now.
    pub outdated: bool,
}

enum Work {
    Hash,
    /// Against this stored hash.
    Verify(Arc<str>),
}

enum Done {
    Hash(String),
    Verified(Verified),
}

struct Job {
    password: Password,
    work: Work,
    answer: oneshot::Sender<Result<Done, HashError>>,
}

/// Hands passwords to the hashing threads. A clone shares them.
#[derive(Clone)]
pub struct Hasher {
    /// Never longer than there are places.
    jobs: Sender<Job>,
    places: Arc<Semaphore>,
    crowd: Arc<Crowd>,
    nobody: Arc<str>,
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hasher")
    }
}

impl Hasher {
    /// As many threads as the machine has cores; each holds the memory of one hash while it is busy.
    ///
    /// # Errors
    /// When the profile's numbers are none that Argon2 takes, or there is no randomness.
    pub fn start(policy: &Passwords) -> Result<Self, HashError> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self::with_threads(policy, threads)
    }

    fn with_threads(policy: &Passwords, threads: usize) -> Result<Self, HashError> {
        let params = params(policy)?;
        let (jobs, work) = unbounded();
        let places = Arc::new(Semaphore::new(threads * PLACES_PER_THREAD));
        for number in 0..threads {
            let (work, params) = (work.clone(), params.clone());
            std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || hash_forever(&work, &params))
                .map_err(|error| HashError::Broken(error.to_string()))?;
        }
        // No password hashes to this; checking one costs the same as for somebody who exists.
        let nobody = phc(&params, &random::<SALT>()?, &random::<HASH>()?)?;
        let crowd = Arc::new(Crowd { began: Instant::now(), threads: threads as u64, now: Mutex::new((0, 0)) });
        Ok(Self { jobs, places, crowd, nobody: nobody.into() })
    }

    /// A place in the queue, kept from before the first look at the database until the password is checked: who finds none is told at
    /// once, and has cost nothing.
    ///
    /// # Errors
    /// [`HashError::Busy`] when all are taken.
    pub fn reserve(&self) -> Result<Place, HashError> {
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_| HashError::Busy(self.crowd.refuse()))?;
        Ok(Place { hasher: self.clone(), _permit: permit })
    }

    /// A stored form that no password has.
    pub(crate) fn nobody(&self) -> &str {
        &self.nobody
    }

    async fn run(&self, password: Password, work: Work) -> Result<Done, HashError> {
        let (answer, answered) = oneshot::channel();
        let ended = || HashError::Broken("the hashing threads have ended".into());
        self.jobs.send(Job { password, work, answer }).map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

/// How many were turned away lately, and so how soon it is worth coming back: the more, the more they are spread.
struct Crowd {
    began: Instant,
    threads: u64,
    /// A second since `began`, and how many in it.
    now: Mutex<(u64, u64)>,
}

/// What one thread does in a second, roughly: 22 ms for a hash on a busy core.
const PER_SECOND: u64 = 45;

/// Nobody is told to wait longer.
const LONGEST_WAIT: u64 = 15;

impl Crowd {
    /// Counts one more and says when to come back, in seconds.
    fn refuse(&self) -> u64 {
        let second = self.began.elapsed().as_secs();
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = if now.0 == second { (second, now.1 + 1) } else { (second, now.1 / 2 + 1) };
        (1 + now.1 / (self.threads * PER_SECOND / 2)).min(LONGEST_WAIT)
    }
}

/// Somebody's place in the queue.
#[derive(Debug)]
pub struct Place {
    hasher: Hasher,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// The stored form of a new password.
    ///
    /// # Errors
    /// See [`HashError`].
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        match self.hasher.run(password, Work::Hash).await? {
            Done::Hash(stored) => Ok(stored),
            Done::Verified(_) => Err(HashError::Broken("a check was not asked for".into())),
        }
    }

    /// Whether the password is the stored one. For nobody (`None`) it costs the same and is never right.
    ///
    /// # Errors
    /// See [`HashError`].
    pub async fn verify(&self, password: Password, stored: Option<&str>) -> Result<Verified, HashError> {
        let against = stored.map_or_else(|| Arc::clone(&self.hasher.nobody), Arc::from);
        match self.hasher.run(password, Work::Verify(against)).await? {
            Done::Verified(seen) => Ok(Verified { right: seen.right && stored.is_some(), ..seen }),
            Done::Hash(_) => Err(HashError::Broken("a hash was not asked for".into())),
        }
    }
}

fn hash_forever(work: &Receiver<Job>, params: &Params) {
    let thread = rustix::thread::gettid();
    // Where the system does not allow it, hashing runs like everything else.
    let _ = rustix::process::setpriority_process(Some(thread), NICENESS);
    let mut memory: Vec<Block> = Vec::new();
    loop {
        match work.recv_timeout(IDLE) {
            Ok(Job { password, work, answer }) => {
                // Whoever asked may have gone away while waiting.
                if !answer.is_closed() {
                    let _ = answer.send(one(params, &mut memory, &password, &work));
                }
            }
            Err(RecvTimeoutError::Timeout) => memory = Vec::new(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn one(params: &Params, memory: &mut Vec<Block>, password: &Password, work: &Work) -> Result<Done, HashError> {
    match work {
        Work::Hash => {
            let salt = random::<SALT>()?;
            let hash = derive(params, memory, password, &salt)?;
            Ok(Done::Hash(phc(params, &salt, &hash)?))
        }
        Work::Verify(stored) => {
            let stored = Stored::parse(stored).ok_or_else(|| HashError::Broken("a stored hash is malformed".into()))?;
            let found = derive(&stored.params, memory, password, &stored.salt)?;
            let right = bool::from(found.ct_eq(stored.hash.as_slice()));
            Ok(Done::Verified(Verified { right, outdated: stored.weaker_than(params) }))
        }
    }
}

fn derive(params: &Params, memory: &mut Vec<Block>, password: &Password, salt: &[u8]) -> Result<[u8; HASH], HashError> {
    memory.resize(params.block_count(), Block::default());
    let mut hash = [0; HASH];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password.text().as_bytes(), salt, &mut hash, memory)
        .map_err(|error| HashError::Broken(error.to_string()))?;
    Ok(hash)
}

/// A stored hash, taken apart.
pub(crate) struct Stored {
    params: Params,
    pub(crate) salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Stored {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parsed = PasswordHash::new(text).ok()?;
        let params = Params::try_from(&parsed).ok()?;
        let known = parsed.algorithm.as_str() == "argon2id" && parsed.version == Some(0x13);
        let (salt, hash) = (parsed.salt?.as_ref().to_vec(), parsed.hash?.as_bytes().to_vec());
        (known && hash.len() == HASH).then_some(Self { params, salt, hash })
    }

    fn weaker_than(&self, params: &Params) -> bool {
        let numbers = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        numbers(&self.params) != numbers(params)
    }

    /// Whether it was made with at least these numbers.
    pub(crate) fn at_least(&self, memory_kib: u32, passes: u32) -> bool {
        let work = |memory: u32, passes: u32| u64::from(memory) * u64::from(passes);
        work(self.params.m_cost(), self.params.t_cost()) >= work(memory_kib, passes)
    }
}

fn params(policy: &Passwords) -> Result<Params, HashError> {
    let Passwords { argon2_memory_kib, argon2_passes, argon2_lanes, .. } = policy;
    Params::new(argon2_memory_kib.get(), argon2_passes.get(), argon2_lanes.get(), Some(HASH))
        .map_err(|error| HashError::Broken(error.to_string()))
}

fn phc(params: &Params, salt: &[u8], hash: &[u8]) -> Result<String, HashError> {
    let broken = |error: &dyn std::fmt::Display| HashError::Broken(error.to_string());
    let stored = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: params.try_into().map_err(|error| broken(&error))?,
        salt: Some(Salt::new(salt).map_err(|error| broken(&error))?),
        hash: Some(Output::new(hash).map_err(|error| broken(&error))?),
    };
    Ok(stored.to_string())
}

fn random<const N: usize>() -> Result<[u8; N], HashError> {
    super::random().map_err(|error| HashError::Broken(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    fn policy(memory_kib: u32) -> Passwords {
        let number = |number| NonZeroU32::new(number).expect("not zero");
        Passwords {
            minimum_length: number(12),
            maximum_length: number(128),
            argon2_memory_kib: number(memory_kib),
            argon2_passes: number(2),
            argon2_lanes: number(1),
            attempts: number(10),
        }
    }

    fn typed(text: &str) -> Password {
        Password::typed(text).expect("short enough")
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_another_is_not() {
        let hasher = Hasher::with_threads(&policy(64), 1).expect("hasher");
        let stored = hasher.reserve().expect("place").hash(typed("a violet otter ate it")).await.expect("hash");
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=2,p=1$"), "{stored}");
        let right = hasher
            .reserve()
            .expect("place")
            .verify(typed("a violet otter ate it"), Some(&stored))
            .await
            .expect("verify");
        let wrong = hasher
            .reserve()
            .expect("place")
            .verify(typed("a violet otter ate At"), Some(&stored))
            .await
            .expect("verify");
        assert_eq!((right.right, wrong.right), (true, false));
    }

    #[tokio::test]
    async fn nobody_has_any_password() {
        let hasher = Hasher::with_threads(&policy(64), 1).expect("hasher");
        assert!(!hasher.reserve().expect("place").verify(typed(""), None).await.expect("verify").right);
    }

    #[tokio::test]
    async fn two_people_with_one_password_have_different_hashes() {
        let hasher = Hasher::with_threads(&policy(64), 1).expect("hasher");
        let (one, two) = (
            hasher.reserve().expect("place").hash(typed("same")).await.expect("hash"),
            hasher.reserve().expect("place").hash(typed("same")).await.expect("hash"),
        );
        assert_ne!(one, two);
    }

    #[tokio::test]
    async fn a_hash_made_with_other_numbers_still_opens_and_is_outdated() {
        let old = Hasher::with_threads(&policy(64), 1)
            .expect("hasher")
            .reserve()
            .expect("place")
            .hash(typed("x"))
            .await
            .expect("hash");
        let seen = Hasher::with_threads(&policy(128), 1)
            .expect("hasher")
            .reserve()
            .expect("place")
            .verify(typed("x"), Some(&old))
            .await;
        assert_eq!(seen.expect("verify"), Verified { right: true, outdated: true });
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_a_place_that_is_given_back_can_be_had_again() {
        let hasher = Hasher::with_threads(&policy(64), 1).expect("hasher");
        let mut places: Vec<Place> = (0..PLACES_PER_THREAD).map(|_| hasher.reserve().expect("place")).collect();
        assert!(matches!(hasher.reserve(), Err(HashError::Busy(1..))));
        places.pop();
        assert!(hasher.reserve().is_ok());
    }

    #[test]
    fn a_password_is_never_printed() {
        assert_eq!(format!("{:?}", typed("marker-word")), "Password(…)");
        assert!(Password::typed(&"x".repeat(LONGEST + 1)).is_none());
    }
}
