//! Forged forms: sent to every endpoint as whoever its row would let in, so that nothing but the missing token stands in the way.

use contract::access::{ENDPOINTS, Endpoint, Who};

use super::mfa::LookError;
use super::probe::{Answer, Form, Probe, ProbeError, session_cookie};
use super::walk::kind;
use super::{Instance, Seen, cast};
use crate::identity::stand_in::{As, Someone, StandIn};

/// A forged form, and the status that it must get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Forgery {
    NoToken,
    CookieOnly,
    FieldOnly,
    Changed,
    OtherSession,
    OtherSite,
    PlainText,
}

const FORGERIES: &[Forgery] = &[
    Forgery::NoToken,
    Forgery::CookieOnly,
    Forgery::FieldOnly,
    Forgery::Changed,
    Forgery::OtherSession,
    Forgery::OtherSite,
    Forgery::PlainText,
];

pub async fn csrf(instance: &Instance) -> Result<Seen, LookError> {
    let Some(role) = cast::most(&instance.profile) else {
        return Ok(Seen::Failing("There are no roles.".into()));
    };
    let now = instance.clock.now();
    let person = StandIn::make(&instance.operator, &instance.accounts, role, As::SteppedUp, now).await?;
    let other = StandIn::make(&instance.operator, &instance.accounts, role, As::SteppedUp, now).await?;
    let staff = Someone::of_staff(&instance.operator, &instance.accounts, now).await;
    let seen = match &staff {
        Ok(staff) => everybodys_forgeries(instance, &person, staff, &other).await,
        Err(_) => Ok(Some("The vendor's staff could not be stood in for.".into())),
    };
    person.remove(&instance.operator).await?;
    other.remove(&instance.operator).await?;
    if let Ok(staff) = staff {
        staff.remove(&instance.operator).await?;
    }
    Ok(match seen? {
        Some(wrong) => Seen::Failing(wrong),
        None => Seen::Upheld(format!(
            "{} endpoints refused {} forged forms each: without token, with half of it, changed, another session's, from another site, as plain text.",
            ENDPOINTS.len(),
            FORGERIES.len()
        )),
    })
}

/// Each endpoint is asked by whom its row would let in: a member with every right, or the vendor's staff.
async fn everybodys_forgeries(
    instance: &Instance,
    person: &StandIn,
    staff: &Someone,
    other: &StandIn,
) -> Result<Option<String>, ProbeError> {
    let (theirs, vendors): (Vec<&Endpoint>, Vec<&Endpoint>) =
        ENDPOINTS.iter().partition(|row| row.who != Who::Operator);
    for (session, rows) in [(person.session, theirs), (staff.session, vendors)] {
        let rows: Vec<String> = rows.iter().map(|row| row.path.replace("{slug}", person.slug())).collect();
        let wrong = all_forgeries(instance, &session.text(), &other.session.text(), &rows).await?;
        if wrong.is_some() {
            return Ok(wrong);
        }
    }
    Ok(None)
}

async fn all_forgeries(
    instance: &Instance,
    session: &str,
    other: &str,
    paths: &[String],
) -> Result<Option<String>, ProbeError> {
    for forgery in FORGERIES {
        // A run of its own for each, so that it does not use up its allowance of changes.
        let mut probe = Probe::connect(&instance.serving).await?;
        let own = Form::from_page(&mut probe, "/account", Some(session)).await?;
        let theirs = Form::from_page(&mut probe, "/account", Some(other)).await?;
        for path in paths {
            let answer = forge(&mut probe, *forgery, path, &own, &theirs, session).await?;
            let (status, kind) = (answer.status.as_u16(), kind(&answer));
            let wanted = if *forgery == Forgery::PlainText { (415, "other-type") } else { (403, "forged") };
            if (status, kind.as_str()) != wanted {
                return Ok(Some(format!("{path} answers a forged form ({forgery:?}) with {status} {kind}.")));
            }
        }
    }
    Ok(None)
}

async fn forge(
    probe: &mut Probe,
    forgery: Forgery,
    path: &str,
    own: &Form,
    theirs: &Form,
    session: &str,
) -> Result<Answer, ProbeError> {
    let bare = session_cookie(session);
    let changed = own.token.chars().rev().collect::<String>();
    let theirs_with_our_session = format!("{bare}; {}", theirs.cookie.split("; ").nth(1).unwrap_or_default());
    let (cookie, token) = match forgery {
        Forgery::NoToken => (bare.as_str(), ""),
        Forgery::CookieOnly => (own.cookie.as_str(), ""),
        Forgery::FieldOnly => (bare.as_str(), own.token.as_str()),
        Forgery::Changed => (own.cookie.as_str(), changed.as_str()),
        Forgery::OtherSession => (theirs_with_our_session.as_str(), theirs.token.as_str()),
        Forgery::OtherSite | Forgery::PlainText => (own.cookie.as_str(), own.token.as_str()),
    };
    let kind = if forgery == Forgery::PlainText { "text/plain" } else { "application/json" };
    let mut headers = vec![("cookie", cookie), ("accept", "application/json"), ("content-type", kind)];
    if !token.is_empty() {
        headers.push(("x-csrf-token", token));
    }
    if forgery == Forgery::OtherSite {
        headers.push(("sec-fetch-site", "cross-site"));
    }
    probe.send("POST", path, &headers, b"{}".to_vec()).await
}
