//! Resetting a colleague's second factor: whoever may, in a living organisation, with a factor of one's own given just now.

use contract::permission::Permission;
use contract::standing::Standing;
use uuid::Uuid;

use super::mfa::LookError;
use super::probe::Answer;
use super::walk::{Walk, kind};
use super::{Instance, Seen, cast};
use crate::guard::SessionId;
use crate::identity::stand_in::{As, StandIn};

pub async fn rules(instance: &Instance) -> Result<Seen, LookError> {
    let profile = &instance.profile;
    let Some(holder) = cast::with(profile, Permission::MfaReset) else {
        return Ok(cast::nobody(Permission::MfaReset, true));
    };
    let Some(other) = cast::without(profile, Permission::MfaReset) else {
        return Ok(cast::nobody(Permission::MfaReset, false));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, holder, As::SteppedUp, now).await?;
    let seen = asked(instance, &mut house, holder, other).await;
    house.remove(&instance.operator).await?;
    seen
}

/// Who asks, in which standing, for whom, and the answer that it must get.
type Try<'a> = (&'static str, Standing, SessionId, &'a str, (u16, &'static str));

async fn asked(instance: &Instance, house: &mut StandIn, holder: &str, other: &str) -> Result<Seen, LookError> {
    house.settle().await?;
    let now = instance.clock.now();
    let without = house.join(other, As::SteppedUp, now).await?;
    let stale = house.join(holder, As::LongAgo, now).await?;
    let (nobody, oneself) = (Uuid::now_v7().to_string(), house.account.0.to_string());
    let (lapsed, active) = (Standing::Lapsed, Standing::Active);
    let tries: [Try<'_>; 6] = [
        ("without the right", active, without.session, &nobody, (403, "forbidden")),
        ("of a lapsed organisation", lapsed, house.session, &nobody, (402, "lapsed")),
        ("of a cancelled organisation", Standing::Cancelled, house.session, &nobody, (410, "gone")),
        ("with an old factor", active, stale.session, &nobody, (401, "step-up")),
        ("with all of it, for nobody", active, house.session, &nobody, (422, "invalid")),
        ("with all of it, for oneself", active, house.session, &oneself, (409, "conflict")),
    ];
    for (who, standing, session, member, wanted) in tries {
        house.set_standing(standing).await?;
        let answer = ask(instance, house.slug(), session, member).await?;
        if (answer.status.as_u16(), kind(&answer).as_str()) != wanted {
            return Ok(Seen::Failing(format!(
                "A member {who} who asked to reset a second factor was answered {} instead of {}.",
                answer.status.as_u16(),
                wanted.0
            )));
        }
    }
    Ok(Seen::Upheld(
        "Asked to reset a second factor, a member without the right was answered 403, one of a lapsed organisation 402, one of a cancelled 410, one whose own factor is old 401; one with all of it was looked at (422 for nobody, 409 for oneself).".into(),
    ))
}

async fn ask(instance: &Instance, slug: &str, session: SessionId, member: &str) -> Result<Answer, LookError> {
    let mut walk = Walk::begin(instance).await?;
    let form = walk.form(session).await?;
    let fields = [("member", member), ("reason", "probe")];
    Ok(walk.send(&form, &format!("/api/o/{slug}/reset-member-mfa"), &fields).await?)
}
