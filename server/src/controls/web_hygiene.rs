//! Web hygiene: what every answer of this server carries, and what it refuses.

use contract::access::{PAGES, Page, Row, Who};

use super::probe::{Answer, Form, Probe, ProbeError};
use super::{Check, Instance, Seen};
use crate::trust::Facts;

/// Header and what it must hold on every answer.
const REQUIRED: &[(&str, &str)] = &[
    ("content-security-policy", "default-src 'none'"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=()"),
];

/// The one answer that other sites are meant to show.
const EMBEDDED: &str = "/trust/badge.svg";

/// Pages before the door with our own script: the strength of a password is shown while it is typed.
const WITH_SCRIPT: &[&str] = &["/sign-up", "/sign-in/reset"];

/// What would tell a stranger which software runs here.
const TELLTALE: &[&str] = &["server", "x-powered-by", "x-aspnet-version", "via"];

/// The rows of the access table as addresses of this instance, and one that leads nowhere, with the statuses each may have.
fn addresses(instance: &Instance) -> Vec<(String, &'static [u16])> {
    let claim = instance.profile.claims.first().map(|claim| claim.id.as_str()).unwrap_or_default();
    let version = instance.profile.documents.first().map(|document| document.version.to_string()).unwrap_or_default();
    let filled = |row: &Row| row.example.replace("{first}", claim).replace("{version}", &version);
    let statuses = |row: &Row| -> &'static [u16] {
        match (row.page, row.who) {
            // Whether it is ready just now is another question than what its answer carries.
            (Page::Ready, _) => &[200, 503],
            (_, Who::Everyone) => &[200],
            _ => &[401],
        }
    };
    let rows = PAGES.iter().map(|row| (filled(row), statuses(row)));
    rows.chain([("/nothing-is-here".to_owned(), [404].as_slice())]).collect()
}

/// What a page was answered that it may not be.
fn answered_otherwise(path: &str, statuses: &[u16], answer: &Answer) -> Option<Seen> {
    let (came, wanted) = (answer.status.as_u16(), statuses.first().copied().unwrap_or_default());
    (!statuses.contains(&came)).then(|| Seen::Failing(format!("{path} is answered {came} instead of {wanted}.")))
}

pub async fn headers(instance: &Instance) -> Result<Seen, ProbeError> {
    let mut probe = Probe::connect(&instance.serving).await?;
    let addresses = addresses(instance);
    for (path, statuses) in &addresses {
        let answer = probe.get(path).await?;
        if let Some(otherwise) = answered_otherwise(path, statuses, &answer) {
            return Ok(otherwise);
        }
        if let Some(wrong) = wrong_headers(path, &answer) {
            return Ok(Seen::Failing(format!("{path}: {wrong}.")));
        }
    }
    Ok(Seen::Upheld(format!(
        "{} addresses asked for: all carry the security headers, none a product version, a foreign or an inline script.",
        addresses.len()
    )))
}

fn wrong_headers(path: &str, answer: &Answer) -> Option<String> {
    if let Some((name, _)) = REQUIRED.iter().find(|(name, part)| !answer.header(name).contains(part)) {
        return Some(format!("the header {name} is missing or weak"));
    }
    // A page with a form lets its own origin be seen by itself, or browsers would send none with the form.
    if !matches!(answer.header("referrer-policy"), "no-referrer" | "same-origin") {
        return Some("the header referrer-policy is missing or weak".into());
    }
    let sharing = if path == EMBEDDED { "cross-origin" } else { "same-origin" };
    if answer.header("cross-origin-resource-policy") != sharing {
        return Some("the header cross-origin-resource-policy is missing or wrong".into());
    }
    let policy = answer.header("content-security-policy");
    if !policy.contains("frame-ancestors 'none'") || policy.contains("unsafe-inline") || policy.contains("'unsafe-eval")
    {
        return Some("the content security policy is weak".into());
    }
    if let Some(name) = TELLTALE.iter().find(|name| answer.headers.contains_key(**name)) {
        return Some(format!("the header {name} tells which software runs here"));
    }
    let html = answer.header("content-type").starts_with("text/html");
    let scripts = if html { scripts_of(&answer.body) } else { Vec::new() };
    let ours = |script: &String| script.starts_with("<script type=\"module\" src=\"/pkg/");
    let allowed = WITH_SCRIPT.contains(&path) && scripts.iter().all(ours);
    (!scripts.is_empty() && !allowed).then(|| "a public page has a script".into())
}

/// The opening tags of all scripts.
fn scripts_of(page: &[u8]) -> Vec<String> {
    let page = String::from_utf8_lossy(page);
    let lower = page.to_ascii_lowercase();
    lower.match_indices("<script").map(|(at, _)| lower[at..].chars().take(120).collect()).collect()
}

pub async fn cookies(instance: &Instance) -> Result<Seen, ProbeError> {
    let mut probe = Probe::connect(&instance.serving).await?;
    let (mut seen, addresses) = (0, addresses(instance));
    for (path, statuses) in &addresses {
        let answer = probe.get(path).await?;
        if let Some(otherwise) = answered_otherwise(path, statuses, &answer) {
            return Ok(otherwise);
        }
        for cookie in answer.headers.get_all("set-cookie") {
            seen += 1;
            if let Some(missing) = missing_attribute(cookie.to_str().unwrap_or_default()) {
                return Ok(Seen::Failing(format!("A cookie set by {path} has no {missing}.")));
            }
        }
    }
    let cookies = if seen == 0 {
        "no cookie was set".to_owned()
    } else {
        format!("{seen} cookies were set, each with Secure, HttpOnly and SameSite")
    };
    Ok(Seen::Upheld(format!("{} addresses asked for: {cookies}.", addresses.len())))
}

/// The first of the three attributes that a `Set-Cookie` line lacks.
pub fn missing_attribute(cookie: &str) -> Option<&'static str> {
    let attributes: Vec<String> = cookie.split(';').skip(1).map(|part| part.trim().to_ascii_lowercase()).collect();
    let has = |name: &str| attributes.iter().any(|attribute| attribute.split('=').next() == Some(name));
    [("secure", "Secure"), ("httponly", "HttpOnly"), ("samesite", "SameSite")]
        .into_iter()
        .find(|(name, _)| !has(name))
        .map(|(_, said)| said)
}

/// More requests than this a probe does not send: trying out a wider limit would itself be a load.
const MOST_TRIED: u32 = 20_000;

pub async fn rate_limits(instance: &Instance) -> Result<Seen, ProbeError> {
    let limits = &instance.profile.policy.limits;
    let (reads, changes) = (limits.reads_per_minute.get(), limits.changes_per_minute.get());
    if reads.max(changes) > MOST_TRIED {
        return Ok(Seen::Unavailable(format!(
            "A limit of {} per minute is wider than a probe tries out ({MOST_TRIED}).",
            reads.max(changes)
        )));
    }
    for (what, limit) in [("reads", reads), ("changes", changes)] {
        if let Err(wrong) = try_out(instance, what == "changes", limit).await? {
            return Ok(Seen::Failing(format!("{what}: {wrong}.")));
        }
    }
    Ok(Seen::Upheld(format!(
        "{reads} reads and {changes} changes per minute were answered, the next were refused with 429 and Retry-After."
    )))
}

/// Sends requests until one is refused: not before the limit, and not long after it.
async fn try_out(instance: &Instance, change: bool, limit: u32) -> Result<Result<(), String>, ProbeError> {
    let mut probe = Probe::connect(&instance.serving).await?;
    let started = std::time::Instant::now();
    // The allowance refills while we spend it: what that adds is not counted against the limit.
    let most = |seconds: f64| f64::from(limit) * (1.0 + seconds / 60.0) + 2.0;
    let mut answered = 0_u32;
    loop {
        let answer = if change { probe.post("/robots.txt", 0).await? } else { probe.get("/robots.txt").await? };
        if answer.status.as_u16() == 429 {
            let told_when = answer.header("retry-after").parse::<u64>().is_ok();
            return Ok(match (told_when, answered < limit) {
                (false, _) => Err("a refused request is not told when to come back".into()),
                (true, true) => Err(format!("refused after {answered}, below the published {limit} per minute")),
                (true, false) => Ok(()),
            });
        }
        answered += 1;
        let waited = started.elapsed().as_secs_f64();
        if f64::from(answered) > most(waited) {
            return Ok(Err(format!(
                "{answered} in {waited:.1} seconds were answered; the published limit is {limit} per minute"
            )));
        }
    }
}

pub async fn body_limits(instance: &Instance) -> Result<Seen, ProbeError> {
    let limit = instance.profile.policy.limits.body_kib.get();
    let mut probe = Probe::connect(&instance.serving).await?;
    let answer = probe.post("/trust", (limit as usize + 1) * 1024).await?;
    Ok(match answer.status.as_u16() {
        413 => Seen::Upheld(format!("A body above {limit} KiB was answered 413.")),
        status => Seen::Failing(format!("A body above {limit} KiB was answered {status}.")),
    })
}

pub async fn form_throttle(instance: &Instance) -> Result<Seen, ProbeError> {
    let limit = instance.profile.policy.limits.forms_per_minute.get();
    if limit > MOST_TRIED {
        return Ok(Seen::Unavailable(format!("A limit of {limit} per minute is wider than a probe tries out.")));
    }
    let mut probe = Probe::connect(&instance.serving).await?;
    let form = Form::from_page(&mut probe, "/sign-up", None).await?;
    for number in 0..=limit {
        let headers = [
            ("cookie", form.cookie.as_str()),
            ("x-csrf-token", form.token.as_str()),
            ("x-forwarded-for", &format!("203.0.113.{}", number % 250)),
            ("accept", "application/json"),
            ("content-type", "application/json"),
        ];
        let answer = probe.send("POST", "/api/sign-up", &headers, b"{}".to_vec()).await?;
        let told_when = answer.header("retry-after").parse::<u64>().is_ok();
        match (number < limit, answer.status.as_u16()) {
            (true, 422) => {}
            (false, 429) if told_when => {}
            (_, status) => {
                return Ok(Seen::Failing(format!(
                    "Submission {} of a public form is answered {status}; the published limit is {limit} per minute.",
                    number + 1
                )));
            }
        }
    }
    Ok(Seen::Upheld(format!(
        "{limit} submissions of a public form were looked at, the next was refused with 429 and Retry-After, whatever its forwarding header."
    )))
}

/// Whether the running server should hold its rate limits now.
pub fn rate_limits_on(facts: &Facts) -> bool {
    !facts.switched_off.contains_key(&Check::RateLimits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_without_one_of_the_three_attributes_is_named() {
        assert_eq!(missing_attribute("a=b; HttpOnly; SameSite=Lax"), Some("Secure"));
        assert_eq!(missing_attribute("a=b; Secure; SameSite=Lax"), Some("HttpOnly"));
        assert_eq!(missing_attribute("a=Secure; HttpOnly; Secure"), Some("SameSite"));
        assert_eq!(missing_attribute("__Host-a=b; Path=/; Secure; HttpOnly; SameSite=Lax"), None);
    }
}
