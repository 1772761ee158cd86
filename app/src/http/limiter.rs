//! How often one network may ask. In memory, per instance: reading must cost no write.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use server::profile::policy::Limits;

/// Who is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// An IPv4 address, or the first 64 bits of an IPv6 one: one customer's line is one network.
    Network(u128),
    /// One run of one of our own probes.
    Probe(u128),
}

impl Counted {
    pub fn network(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::Network(u128::from(v4.to_bits())),
            IpAddr::V6(v6) => Self::Network(v6.to_bits() >> 64 << 64),
        }
    }
}

#[derive(Debug)]
pub struct Limiter {
    reads: DefaultKeyedRateLimiter<Counted>,
    changes: DefaultKeyedRateLimiter<Counted>,
    on: AtomicBool,
    looks: AtomicU32,
}

impl Limiter {
    pub fn new(limits: &Limits) -> Self {
        Self {
            reads: RateLimiter::keyed(Quota::per_minute(limits.reads_per_minute)),
            changes: RateLimiter::keyed(Quota::per_minute(limits.changes_per_minute)),
            on: AtomicBool::new(true),
            looks: AtomicU32::new(0),
        }
    }

    /// What the operator's switch says.
    pub fn switch(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    /// Counts one read.
    ///
    /// # Errors
    /// The whole seconds to wait, at least one.
    pub fn read(&self, who: Counted) -> Result<(), u64> {
        self.count(&self.reads, who)
    }

    /// Counts one request that would change something.
    ///
    /// # Errors
    /// The whole seconds to wait, at least one.
    pub fn change(&self, who: Counted) -> Result<(), u64> {
        self.count(&self.changes, who)
    }

    fn count(&self, bucket: &DefaultKeyedRateLimiter<Counted>, who: Counted) -> Result<(), u64> {
        if !self.on.load(Ordering::Relaxed) {
            return Ok(());
        }
        bucket.check_key(&who).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            wait.as_secs() + u64::from(wait.subsec_nanos() > 0).max(u64::from(wait.as_secs() == 0))
        })
    }

    /// Lets go of those who have not asked for a while, every hundredth time.
    pub fn forget_idle(&self) {
        if self.looks.fetch_add(1, Ordering::Relaxed).is_multiple_of(100) {
            for bucket in [&self.reads, &self.changes] {
                bucket.retain_recent();
                bucket.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn limiter(reads: u32) -> Limiter {
        let number = NonZeroU32::new(reads).expect("not zero");
        Limiter::new(&Limits {
            reads_per_minute: number,
            changes_per_minute: number,
            forms_per_minute: number,
            sign_ins_per_minute: number,
            body_kib: number,
            upload_kib: number,
            request_seconds: number,
        })
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_counted_together() {
        let limiter = limiter(1);
        let of = |text: &str| Counted::network(text.parse().expect(text));

        assert!(limiter.read(of("2001:db8:1:2::1")).is_ok());
        assert!(limiter.read(of("2001:db8:1:2:ffff::9")).is_err());
        assert!(limiter.read(of("2001:db8:1:3::1")).is_ok());
        assert!(limiter.read(of("192.0.2.1")).is_ok());
        assert!(limiter.read(of("::ffff:192.0.2.1")).is_err());
    }

    #[test]
    fn a_refusal_says_how_many_seconds_to_wait() {
        let limiter = limiter(2);
        let who = Counted::Probe(1);
        assert!(limiter.read(who).is_ok() && limiter.read(who).is_ok());
        let wait = limiter.read(who).expect_err("the third");
        assert!((1..=30).contains(&wait), "{wait}");
    }
}
