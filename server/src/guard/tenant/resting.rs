//! Which organisations need no look before an instant, as far as this process knows: nothing is due there by the clock, and nobody has changed
//! anything there through this process since. What another instance changes it looks after itself; should it not live to, the rest is over soon.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::TenantId;
use crate::clock::to_ms;

/// Nobody rests longer: so late may come, at the latest, what an instance was to do that is gone now.
pub(crate) const LONGEST: Duration = Duration::minutes(10);

/// What was last counted in an organisation: up to which entry of its log, and in which hour since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub end: i64,
    pub hour: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    /// Nothing while somebody looks. A change meanwhile takes the whole away, so that the rest which follows does not begin.
    until: Option<i64>,
    counted: Option<Counted>,
}

/// Which round through the organisations it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rounds {
    Upkeep,
    Expiry,
}

#[derive(Debug, Default)]
pub struct Resting(Mutex<HashMap<(Rounds, Uuid), Rest>>);

impl Resting {
    /// Whether it is to be looked at now.
    pub(in crate::guard) fn is_awake(&self, which: Rounds, tenant: TenantId, now: OffsetDateTime) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = all.entry((which, tenant.0)).or_default();
        // A clock that was turned back would have it rest for as long again.
        let asleep = rest.until.is_some_and(|until| (to_ms(now)..to_ms(now + LONGEST)).contains(&(until - 1)));
        if !asleep {
            rest.until = None;
        }
        !asleep
    }

    /// After a look, unless somebody has changed something since it began. Those that were looked at together do not wake together.
    pub(in crate::guard) fn lie_down(
        &self,
        which: Rounds,
        tenant: TenantId,
        now: OffsetDateTime,
        until: Option<OffsetDateTime>,
        counted: Option<Counted>,
    ) {
        let spread = Duration::seconds(i64::try_from(tenant.0.as_u128() % 300).unwrap_or(0));
        let longest = now + LONGEST - spread;
        // What is due always is looked at in each round, and once in it.
        let until = until.map_or(longest, |until| until.min(longest)).max(now + Duration::MILLISECOND);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rest) = all.get_mut(&(which, tenant.0)) {
            *rest = Rest { until: Some(to_ms(until)), counted };
        }
    }

    pub(in crate::guard) fn counted(&self, tenant: TenantId) -> Option<Counted> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&(Rounds::Upkeep, tenant.0))
            .and_then(|rest| rest.counted)
    }

    /// Something was changed.
    pub(in crate::guard) fn wake(&self, tenant: TenantId) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for which in [Rounds::Upkeep, Rounds::Expiry] {
            all.remove(&(which, tenant.0));
        }
    }

    /// What is not among `known` any more is forgotten.
    pub(in crate::guard) fn only(&self, known: impl Fn(&Uuid) -> bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, tenant), _| known(tenant));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: TenantId = TenantId(Uuid::from_u128(7));

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::seconds(seconds)
    }

    #[test]
    fn rests_until_something_is_due_and_never_longer_than_the_longest() {
        let resting = Resting::default();
        assert!(resting.is_awake(Rounds::Upkeep, ONE, at(0)), "nobody has looked yet");
        resting.lie_down(Rounds::Upkeep, ONE, at(0), Some(at(90)), None);
        assert!(!resting.is_awake(Rounds::Upkeep, ONE, at(89)));
        assert!(resting.is_awake(Rounds::Upkeep, ONE, at(90)), "to the second");
        resting.lie_down(Rounds::Upkeep, ONE, at(90), None, None);
        assert!(!resting.is_awake(Rounds::Upkeep, ONE, at(91)));
        assert!(resting.is_awake(Rounds::Upkeep, ONE, at(90) + LONGEST));
    }

    #[test]
    fn what_was_counted_is_known_until_something_changes() {
        let (resting, counted) = (Resting::default(), Some(Counted { end: 3, hour: 5 }));
        assert!(resting.is_awake(Rounds::Upkeep, ONE, at(0)));
        resting.lie_down(Rounds::Upkeep, ONE, at(0), None, counted);
        assert!(resting.is_awake(Rounds::Upkeep, ONE, at(0) + LONGEST));
        assert_eq!(resting.counted(ONE), counted);
        resting.wake(ONE);
        assert_eq!(resting.counted(ONE), None);
    }

    #[test]
    fn a_change_wakes_also_while_it_is_looked_at() {
        let resting = Resting::default();
        assert!(resting.is_awake(Rounds::Upkeep, ONE, at(0)));
        resting.lie_down(Rounds::Upkeep, ONE, at(0), None, None);
        resting.wake(ONE);
        assert!(resting.is_awake(Rounds::Upkeep, ONE, at(1)));
        resting.wake(ONE);
        resting.lie_down(Rounds::Upkeep, ONE, at(1), None, None);
        assert!(resting.is_awake(Rounds::Upkeep, ONE, at(2)), "what came in between was not seen by that look");
    }

    #[test]
    fn a_clock_that_was_turned_back_lets_nobody_oversleep() {
        let resting = Resting::default();
        assert!(resting.is_awake(Rounds::Upkeep, ONE, at(0)));
        resting.lie_down(Rounds::Upkeep, ONE, at(0), None, None);
        assert!(resting.is_awake(Rounds::Upkeep, ONE, at(-3600)));
    }
}
