//! Recovery: objectives where they must be, and what the last drill measured.

use time::Duration;

use super::{Instance, Seen};
use crate::backups::components::{self, Component};
use crate::backups::receipts::{self, Drill, span};
use crate::clock::rfc3339;
use crate::identity::Refusal;

pub async fn set(instance: &Instance) -> Result<Seen, Refusal> {
    let all = components::all(&instance.operator.visitor(), &instance.profile).await?;
    let critical: Vec<&Component> = all.iter().filter(|one| one.critical).collect();
    if critical.is_empty() {
        return Ok(Seen::Failing("No critical component is on the list.".into()));
    }
    if let Some(lacking) = critical.iter().find(|one| one.rto_hours.is_none() || one.rpo_hours.is_none()) {
        return Ok(Seen::Failing(format!("{} is critical and lacks an objective.", lacking.name)));
    }
    let refused = components::refuses_without(&instance.operator, instance.clock.now()).await?;
    let said: Vec<String> = critical.iter().map(|one| told(one)).collect();
    Ok(match refused {
        (true, true) => Seen::Upheld(format!(
            "{}. A critical component without both was refused, by the program and by the database.",
            said.join("; ")
        )),
        (false, _) => Seen::Failing("A critical component without objectives can be saved.".into()),
        (true, false) => Seen::Failing("The database takes a critical component without objectives.".into()),
    })
}

fn told(one: &Component) -> String {
    let hours = |hours: Option<u32>| hours.map_or_else(|| "none".to_owned(), |hours| format!("{hours} h"));
    format!("{}: back within {}, with at most the last {} lost", one.name, hours(one.rto_hours), hours(one.rpo_hours))
}

pub async fn measured(instance: &Instance) -> Result<Seen, Refusal> {
    let (visitor, now) = (instance.operator.visitor(), instance.clock.now());
    let Some(days) = instance.profile.policy.backups.drill_days else {
        return Ok(Seen::Unavailable("This profile promises no drills.".into()));
    };
    let Some(last) = receipts::drills(&visitor, 50).await?.into_iter().find(|drill| drill.at <= now) else {
        return Ok(Seen::Failing("No drill has been made yet.".into()));
    };
    let due = last.at + Duration::days(days.get().into());
    // A day, so that the drill which is due is not overdue in the same second.
    if now > due + Duration::DAY {
        let (made, due) = (rfc3339(last.at), rfc3339(due));
        return Ok(Seen::Failing(format!("The last drill was made at {made}; the next was due at {due}.")));
    }
    let all = components::all(&visitor, &instance.profile).await?;
    Ok(judged(&last, &all))
}

fn judged(last: &Drill, all: &[Component]) -> Seen {
    let (Some(rto), Some(rpo), true) = (last.rto, last.rpo, last.done) else {
        return Seen::Failing(format!("The drill of {} did not bring the newest backup back.", rfc3339(last.at)));
    };
    let above =
        |measured: Duration, hours: Option<u32>| hours.is_some_and(|hours| measured > Duration::hours(hours.into()));
    let missed = all.iter().find(|one| one.critical && (above(rto, one.rto_hours) || above(rpo, one.rpo_hours)));
    let words = format!(
        "In the drill of {} the newest backup was back and compared, {} rows, in {}; it was {} old",
        rfc3339(last.at),
        last.rows,
        span(rto),
        span(rpo)
    );
    match missed {
        Some(one) => Seen::Failing(format!("{words}. That is outside the objectives of {}.", one.name)),
        None => Seen::Upheld(format!("{words}. That is within every objective.")),
    }
}
