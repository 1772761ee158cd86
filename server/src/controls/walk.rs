//! Walking the access table as one person: addresses filled in, and a new allowance whenever one is used up.

use contract::access::{ENDPOINTS, PAGES};
use contract::permission::Permission;
use uuid::Uuid;

use super::Instance;
use super::probe::{Answer, Form, Probe, ProbeError, session_cookie};
use crate::guard::SessionId;
use crate::identity::Refusal;
use crate::identity::stand_in::StandIn;
use crate::profile::Profile;
use crate::profile::format::Register;

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

/// What stands in the addresses of one organisation.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) slug: String,
    pub(super) member: Uuid,
    /// A register that asks for no permission of its own, and a record in it.
    pub(super) record: Option<(String, Uuid)>,
    /// A file on that record.
    pub(super) file: Option<Uuid>,
    pub(super) framework: Option<String>,
}

impl Place {
    /// Puts a record of this name into the organisation, so that there is a page of one.
    pub(super) async fn furnish(instance: &Instance, house: &StandIn, name: &str) -> Result<Self, Refusal> {
        let profile = &instance.profile;
        let (mut record, mut file) = (None, None);
        if let Some(register) = open_register(profile) {
            let id = house.record(register, name, instance.clock.now()).await?;
            record = Some((register.id.get_ref().clone(), id));
            file = Some(house.file(id, name, instance.clock.now()).await?);
        }
        let framework = profile.frameworks.first().map(|framework| framework.id.clone());
        Ok(Self { slug: house.slug().to_owned(), member: house.account.0, record, file, framework })
    }

    /// The same with another record.
    pub(super) fn with_record(self, id: Uuid) -> Self {
        Self { record: self.record.map(|(register, _)| (register, id)), ..self }
    }

    pub(super) fn fill(&self, path: &str) -> String {
        let (register, record) = self.record.clone().unwrap_or_default();
        path.replace("{slug}", &self.slug)
            .replace("{member}", &self.member.to_string())
            .replace("{register}", &register)
            .replace("{record}", &record.to_string())
            .replace("{file}", &self.file.unwrap_or_default().to_string())
            .replace("{framework}", self.framework.as_deref().unwrap_or("none"))
    }
}

fn open_register(profile: &Profile) -> Option<&Register> {
    profile
        .registers
        .iter()
        .find(|register| register.read.is_none() && register.write.is_none() && register.delete.is_none())
}

/// Every page and endpoint that needs a permission; of registers and catalogues only where the profile has some. An archive has a look of its own.
pub(super) fn steps(profile: &Profile) -> impl Iterator<Item = Step> {
    let (registers, frameworks) = (open_register(profile).is_some(), !profile.frameworks.is_empty());
    let there = move |path: &str| {
        let of_register = path.contains("{register}") || path.contains("{file}");
        (registers || !of_register) && (frameworks || !path.contains("{framework}"))
    };
    let pages =
        PAGES.iter().filter(move |row| there(row.path) && !row.names_one()).map(|row| ("GET", row.path, row.who));
    let changes = ENDPOINTS.iter().map(|row| ("POST", row.path, row.who));
    pages.chain(changes).filter_map(|(method, path, who)| Some(Step { method, path, permission: who.permission()? }))
}

impl Step {
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
