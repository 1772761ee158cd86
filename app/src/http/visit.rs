//! One visit of a person: who it is, from where, how far in. Made anew for every request, with one query if there is a session.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, HeaderValue};
use contract::access::{Needs, Page, Stage, Who};
use contract::problem::Problem;
use futures::future::BoxFuture;
use server::crypto::secret::Ticket;
use server::guard::{Allowed, Asks, Barred, Caller, Proven, Right, Rule, SessionId, Staff};
use server::identity::{Origin, Refusal, moment, sessions};
use server::organisations::tell;
use server::problem::internal;
use time::OffsetDateTime;

use super::client::Client;
use super::limiter::Counted;
use super::{Site, cookie, csrf, site};
use crate::ui::words;

pub const SESSION: &str = "session";
pub const DEVICE: &str = "device";

/// How long a browser is remembered as one that the account knows. Browsers keep no cookie longer (RFC 6265bis section 5.5).
const DEVICE_DAYS: u32 = 400;

#[derive(Debug)]
pub struct Visit {
    pub site: Arc<Site>,
    pub caller: Option<Caller>,
    /// Of the session that the browser named, whether or not it still holds.
    pub session_hash: Option<String>,
    pub origin: Origin,
    pub token: csrf::Token,
    pub now: OffsetDateTime,
    pub headers: HeaderMap,
    /// What stands in the address where its pattern has a name, such as the organisation.
    pub params: BTreeMap<&'static str, String>,
}

/// The named parts of a pattern, as they stand in an address of it.
pub fn params(pattern: &'static str, path: &str) -> BTreeMap<&'static str, String> {
    pattern
        .split('/')
        .zip(path.split('/'))
        .filter_map(|(name, value)| Some((name.strip_prefix('{')?.strip_suffix('}')?, value.to_owned())))
        .collect()
}

impl Visit {
    /// # Errors
    /// When the database does not answer.
    pub async fn of(site: &Arc<Site>, client: Client, headers: &HeaderMap) -> Result<Self, Problem> {
        let now = site.clock.now();
        let session_hash = cookie::read(headers, SESSION).and_then(|text| SessionId::parse(&text)).map(SessionId::hash);
        let caller = match &session_hash {
            None => None,
            Some(hash) => {
                let found = site.visitor.caller(&site.profile, hash, now).await.map_err(|cause| internal(&cause))?;
                found.filter(|caller| !caller.person().is_probe || matches!(client.counted, Counted::Probe(_)))
            }
        };
        if let Some(caller) = &caller {
            sessions::touch(&site.visitor, &site.accounts, caller.person(), now).await.map_err(Problem::from)?;
        }
        let device = cookie::read(headers, DEVICE).and_then(|text| Ticket::parse(&text));
        let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let origin = Origin::new(client.address, counted(client.counted), agent, device);
        let token = csrf::token(site, headers, caller.as_ref().map(|caller| caller.person().binding()), now);
        let params = BTreeMap::new();
        Ok(Self { site: Arc::clone(site), caller, session_hash, origin, token, now, headers: headers.clone(), params })
    }

    /// The same, at an address of this pattern.
    #[must_use]
    pub fn at(self, pattern: &'static str, path: &str) -> Self {
        Self { params: params(pattern, path), ..self }
    }

    pub fn param(&self, name: &str) -> &str {
        self.params.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The address of a page of this organisation.
    pub fn path_of(&self, page: Page) -> String {
        self.fill(page.row().path)
    }

    /// A pattern with what stands in this address where it has the same names.
    pub fn fill(&self, pattern: &str) -> String {
        self.params.iter().fold(pattern.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
    }

    /// Whether the row lets this person in, in this order: how far in, whose organisation, what role, what standing, how fresh.
    ///
    /// # Errors
    /// See [`Barred`].
    pub fn admits(&self, who: Who, asks: Asks) -> Result<(), Barred> {
        who.admits(self.stage()).map_err(Barred::Needs)?;
        let caller = self.caller.as_ref().ok_or(Barred::Needs(Needs::SignIn));
        match who {
            Who::Member(permission) => caller?.enters(self.param("slug"), permission, asks).map(|_| ()),
            Who::Operator => caller?.staff().map(|_| ()),
            Who::Everyone | Who::AnySession | Who::CodeHolder | Who::Enroller | Who::SignedIn | Who::Fresh => Ok(()),
        }
    }

    /// The proof of the right `R` in the organisation of the address.
    ///
    /// # Errors
    /// See [`Barred`].
    pub fn may<R: Right>(&self, asks: Asks) -> Result<Allowed<R>, Problem> {
        let caller = self.caller.as_ref().ok_or(Problem::needs(Needs::SignIn))?;
        Ok(caller.may::<R>(self.param("slug"), asks)?)
    }

    /// The proof that this is one of the vendor's staff.
    ///
    /// # Errors
    /// See [`Barred`].
    pub fn staff(&self) -> Result<Staff, Problem> {
        let caller = self.caller.as_ref().ok_or(Problem::needs(Needs::SignIn))?;
        Ok(caller.staff()?)
    }

    /// Writes a refusal that matters into the log of the organisation that it is about.
    pub async fn tell_refused(&self, barred: &Barred, what: &str) {
        let (Some(caller), slug) = (&self.caller, self.param("slug")) else { return };
        let (visitor, accounts) = (&self.site.visitor, &self.site.accounts);
        if *barred == Barred::Forbidden && !site::first_lately((caller.person().account, slug, what)) {
            return;
        }
        let told: BoxFuture<'_, Result<(), Refusal>> = match barred {
            Barred::Forbidden => Box::pin(tell::denied(visitor, accounts, caller, slug, what, &self.origin, self.now)),
            Barred::Unknown => {
                Box::pin(tell::operator_refused(visitor, accounts, caller, slug, &self.origin, self.now))
            }
            Barred::Needs(_) | Barred::Lapsed(_) | Barred::Gone { .. } => return,
        };
        if let Err(cause) = told.await {
            tracing::error!(%cause, "a refusal could not be written down");
        }
    }

    pub fn stage(&self) -> Stage {
        self.caller.as_ref().map_or(Stage::SignedOut, |caller| caller.person().stage)
    }

    /// An instant by the clock and in the manner of whoever reads; of a stranger, in UTC.
    pub fn when(&self, at: OffsetDateTime) -> String {
        match &self.caller {
            Some(caller) => moment::moment(at, &caller.person().date_style, &caller.person().time_zone),
            None => words::moment(at),
        }
    }

    /// The proof of `R`.
    ///
    /// # Errors
    /// What is lacking.
    pub fn prove<R: Rule>(&self) -> Result<Proven<R>, Problem> {
        let caller = self.caller.as_ref().ok_or(Problem::needs(Needs::SignIn))?;
        caller.prove::<R>().map_err(Problem::needs)
    }

    /// The cookies of a session that has just begun or got a new id.
    pub fn cookies(&self, id: SessionId) -> Vec<HeaderValue> {
        let lasts = self.site.profile.policy.sessions.absolute_hours.get().saturating_mul(3600);
        let session = cookie::build(SESSION, &id.text(), lasts).ok();
        session.into_iter().chain(csrf::renewed(&self.site, &id.hash(), self.now)).collect()
    }

    /// Gives the browser a mark if it has none; the cookie is to be set only when somebody got in.
    pub fn mark_device(&mut self) -> Option<HeaderValue> {
        if self.origin.device.is_none() {
            self.origin.device = Ticket::random().ok();
        }
        let mark = self.origin.device.as_ref()?;
        cookie::build(DEVICE, mark.text(), DEVICE_DAYS * 86_400).ok()
    }
}

fn counted(counted: Counted) -> String {
    match counted {
        Counted::Network(bits) => format!("network/{bits:032x}"),
        Counted::Probe(nonce) => format!("probe/{nonce:032x}"),
    }
}

/// Where a request without layers comes from: tests only.
pub fn nowhere() -> Client {
    let address = IpAddr::from([127, 0, 0, 1]);
    Client { address, counted: Counted::network(address), secure: false, near: true }
}
