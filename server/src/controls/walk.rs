//! Walking the access table as one person: addresses filled in, and a new allowance whenever one is used up.

use contract::access::{ENDPOINTS, PAGES};
use contract::permission::Permission;
use uuid::Uuid;

use super::Instance;
use super::probe::{Answer, Form, Probe, ProbeError, session_cookie};
use crate::guard::SessionId;

/// A row of the access table about an organisation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) permission: Permission,
}

/// How a step was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// A page was shown; a change was let past the access table and refused for its missing token.
    In,
    /// The role does not permit it.
    Forbidden,
    /// There is nothing here for this person.
    Nowhere,
    Lapsed,
    /// It is closed.
    Gone,
    Otherwise(u16),
}

/// Every page and endpoint that needs a permission.
pub(super) fn steps() -> impl Iterator<Item = Step> {
    let pages = PAGES.iter().map(|row| ("GET", row.path, row.who));
    let changes = ENDPOINTS.iter().map(|row| ("POST", row.path, row.who));
    pages.chain(changes).filter_map(|(method, path, who)| Some(Step { method, path, permission: who.permission()? }))
}

impl Step {
    pub(super) fn address(self, slug: &str, member: Uuid) -> String {
        self.path.replace("{slug}", slug).replace("{member}", &member.to_string())
    }

    pub(super) fn came(self, answer: &Answer) -> Came {
        came(self.method, answer)
    }
}

pub(super) fn came(method: &str, answer: &Answer) -> Came {
    match (method, answer.status.as_u16(), kind(answer).as_str()) {
        ("GET", 200, _) | ("POST", 403, "forged") => Came::In,
        (_, 403, "forbidden") => Came::Forbidden,
        (_, 404, "not-found") => Came::Nowhere,
        (_, 402, "lapsed") => Came::Lapsed,
        (_, 410, "gone") => Came::Gone,
        (_, status, _) => Came::Otherwise(status),
    }
}

/// The kind of problem that an answer tells of, if it does.
pub(super) fn kind(answer: &Answer) -> String {
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    told["type"].as_str().and_then(|kind| kind.rsplit(':').next()).unwrap_or_default().to_owned()
}

/// The field that a refusal with 422 is about.
pub(super) fn blamed(answer: &Answer) -> Option<String> {
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let field = told["errors"][0]["field"].as_str().map(str::to_owned);
    field.filter(|_| answer.status.as_u16() == 422)
}

/// Asks one thing after another. A new connection of a probe has an allowance of its own.
pub(super) struct Walk<'a> {
    instance: &'a Instance,
    probe: Probe,
    reads: u32,
    changes: u32,
}

impl<'a> Walk<'a> {
    pub(super) async fn begin(instance: &'a Instance) -> Result<Self, ProbeError> {
        Ok(Self { instance, probe: Probe::connect(&instance.serving).await?, reads: 0, changes: 0 })
    }

    /// Asks as a program would, and changes without the token of a form.
    pub(super) async fn ask(&mut self, session: SessionId, method: &str, path: &str) -> Result<Answer, ProbeError> {
        self.count(method == "POST").await?;
        let cookie = session_cookie(&session.text());
        let headers =
            [("cookie", cookie.as_str()), ("accept", "application/json"), ("content-type", "application/json")];
        let body = if method == "POST" { b"{}".to_vec() } else { Vec::new() };
        self.probe.send(method, path, &headers, body).await
    }

    pub(super) async fn get(&mut self, session: SessionId, path: &str) -> Result<Answer, ProbeError> {
        self.ask(session, "GET", path).await
    }

    /// The forms of this session: the page of one's own account has one, whoever one is.
    pub(super) async fn form(&mut self, session: SessionId) -> Result<Form, ProbeError> {
        self.count(false).await?;
        Form::from_page(&mut self.probe, "/account", Some(&session.text())).await
    }

    pub(super) async fn send(
        &mut self,
        form: &Form,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<Answer, ProbeError> {
        self.count(true).await?;
        form.send(&mut self.probe, path, fields).await
    }

    async fn count(&mut self, change: bool) -> Result<(), ProbeError> {
        let limits = &self.instance.profile.policy.limits;
        let spent = if change {
            self.changes >= limits.changes_per_minute.get()
        } else {
            self.reads >= limits.reads_per_minute.get()
        };
        if spent {
            self.probe = Probe::connect(&self.instance.serving).await?;
            (self.reads, self.changes) = (0, 0);
        }
        self.reads += u32::from(!change);
        self.changes += u32::from(change);
        Ok(())
    }
}
