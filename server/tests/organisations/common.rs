//! People in organisations, one line each.

use contract::access::Stage;
use sea_orm::{DatabaseConnection, DbBackend, Statement, Value};
use server::crypto::secret::Ticket;
use server::crypto::totp::TotpSecret;
use server::guard::{AccountId, Allowed, Asks, Barred, Caller, Right, SessionId, TenantId, rights, rule};
use server::identity::second_factor::Factor;
use server::identity::{Origin, Refusal, enrolment, second_factor, sign_in, sign_up};
use server::organisations::{invitations, roles, units};
use server::testing::{World, link_token, profile};
use uuid::Uuid;

pub const PASSWORD: &str = "violet otters eat ripe plums";
pub const ADA: &str = "ada@acme.example";
pub const GRACE: &str = "grace@acme.example";
pub const EVE: &str = "eve@rival.example";

/// A profile of each isolation mode, with the role in it that may least.
pub const MODES: &[(&str, &str)] =
    &[("aertous", "Employee"), ("stratuslog", "Instructor"), ("stack-aero", "Read only")];

pub async fn world(mode: &str) -> World {
    World::with(profile(mode, &[])).await
}

/// Somebody who is all the way in, and the organisation that they mean.
pub struct Somebody {
    pub email: String,
    pub account: AccountId,
    pub tenant: TenantId,
    pub slug: String,
    pub session: SessionId,
    pub secret: Option<TotpSecret>,
}

/// One browser of one person; every call is the same one.
pub fn here() -> Origin {
    static MARK: std::sync::OnceLock<Ticket> = std::sync::OnceLock::new();
    let mark = MARK.get_or_init(|| Ticket::random().expect("random"));
    let address = "192.0.2.7";
    let agent = "Mozilla/5.0 (X11; Linux) Firefox/130";
    Origin::new(address.parse().expect("address"), address.to_owned(), agent, Some(mark.clone()))
}

/// The token of the newest letter to somebody.
pub async fn token_to(world: &World, email: &str) -> String {
    let letters = world.letters().await;
    let letter = letters.iter().find(|(to, text)| to == email && text.contains("token="));
    link_token(&letter.expect("a letter with a link").1)
}

/// Somebody who made an organisation, with a second factor given just now.
pub async fn founder(world: &World, email: &str, organisation: &str) -> Somebody {
    let form = sign_up::Form { email, name: "Ada Lovelace", organisation, password: PASSWORD };
    sign_up::request(&world.visitor(), world.accounts(), &form, &here(), world.now).await.expect("sign up");
    let token = token_to(world, email).await;
    sign_up::confirm(&world.visitor(), world.accounts(), &token, &here(), world.now).await.expect("confirm");
    enters(world, email, None).await
}

/// Ada and her organisation.
pub async fn ada(world: &World) -> Somebody {
    founder(world, ADA, "Analytical Engines").await
}

/// Signs in, and sets a second factor up where the role demands one.
pub async fn enters(world: &World, email: &str, secret: Option<TotpSecret>) -> Somebody {
    let form = sign_in::Form { email, password: PASSWORD, next: None };
    let id = sign_in::with_password(&world.visitor(), world.accounts(), &form, None, &here(), world.now).await;
    let (id, secret) = onward(world, id.expect("password"), secret).await;
    let caller = of_session(world, id).await.expect("a session");
    let belonging = caller.person().belongs.first();
    Somebody {
        email: email.to_owned(),
        account: caller.person().account,
        tenant: belonging.map_or(TenantId(Uuid::nil()), |belonging| belonging.tenant),
        slug: belonging.map(|belonging| belonging.slug.clone()).unwrap_or_default(),
        session: id,
        secret,
    }
}

/// Goes on with a session until the strongest factor that its person has was given just now.
async fn onward(world: &World, id: SessionId, secret: Option<TotpSecret>) -> (SessionId, Option<TotpSecret>) {
    let arrived = of_session(world, id).await.expect("a session");
    match (arrived.person().stage, secret) {
        (Stage::PasswordGiven | Stage::Complete, Some(secret)) => {
            let holder = arrived.prove::<rule::CodeHolder>().expect("code holder");
            let given = Factor::Code(&code(world, &secret));
            let id = second_factor::give(&holder, world.accounts(), given, &here(), world.now).await;
            (id.expect("code"), Some(secret))
        }
        (Stage::Enrolling, _) => {
            let (id, secret) = enrols(world, &arrived).await;
            (id, Some(secret))
        }
        (Stage::SignedOut | Stage::PasswordGiven | Stage::Complete | Stage::SteppedUp, secret) => (id, secret),
    }
}

pub async fn enrols(world: &World, arrived: &Caller) -> (SessionId, TotpSecret) {
    let enroller = arrived.prove::<rule::Enroller>().expect("enroller");
    let offer = enrolment::offer(&enroller, world.accounts()).expect("offer");
    let secret = TotpSecret::from_base32(&offer.base32).expect("160 bits");
    let code = code(world, &secret);
    let done = enrolment::confirm(&enroller, world.accounts(), &code, &here(), world.now).await.expect("confirm");
    (done.0, secret)
}

pub fn code(world: &World, secret: &TotpSecret) -> String {
    let seconds = u64::try_from(world.now.unix_timestamp()).expect("positive");
    secret.code_at(&world.profile.policy.mfa, seconds).expect("code")
}

pub async fn of_session(world: &World, id: SessionId) -> Option<Caller> {
    world.visitor().caller(&world.profile, &id.hash(), world.now).await.expect("database")
}

pub async fn caller(world: &World, who: &Somebody) -> Caller {
    of_session(world, who.session).await.expect("signed in")
}

impl Somebody {
    /// The same person later on: signed in anew if need be, with a factor given just now.
    pub async fn again(&self, world: &World) -> Self {
        let secret = self.secret.as_ref().map(|secret| TotpSecret::from_base32(&secret.base32()).expect("160 bits"));
        let (session, secret) = if of_session(world, self.session).await.is_some() {
            onward(world, self.session, secret).await
        } else {
            let entered = enters(world, &self.email, secret).await;
            (entered.session, entered.secret)
        };
        let Self { email, account, tenant, slug, .. } = self;
        Self { email: email.clone(), account: *account, tenant: *tenant, slug: slug.clone(), session, secret }
    }

    /// The same person, who means another organisation of theirs.
    pub fn in_the_place_of(self, other: &Self) -> Self {
        Self { tenant: other.tenant, slug: other.slug.clone(), ..self }
    }

    pub fn id(&self) -> String {
        self.account.0.to_string()
    }
}

pub async fn try_may<R: Right>(world: &World, who: &Somebody) -> Result<Allowed<R>, Barred> {
    caller(world, who).await.may::<R>(&who.slug, Asks::ToDo)
}

pub async fn may<R: Right>(world: &World, who: &Somebody) -> Allowed<R> {
    try_may(world, who).await.expect("permitted")
}

/// Asks somebody to join.
pub async fn invite(world: &World, by: &Somebody, email: &str, role: &str) -> Result<(), Refusal> {
    let manager = may::<rights::MembersManage>(world, by).await;
    let form = invitations::Form { email, role, unit: None };
    invitations::invite(&manager, world.accounts(), &form, &here(), world.now).await
}

/// Answers as somebody without an account, or as the one who is signed in.
pub async fn answer(world: &World, caller: Option<&Caller>, token: &str, name: &str) -> Result<(), Refusal> {
    let answer = invitations::Answer { token, name: Some(name), password: Some(PASSWORD) };
    invitations::accept(&world.visitor(), world.accounts(), caller, &answer, &here(), world.now).await
}

/// Somebody new, invited and in.
pub async fn joins(world: &World, by: &Somebody, email: &str, role: &str) -> Somebody {
    joins_as(world, by, email, role, "Grace Hopper").await
}

pub async fn joins_as(world: &World, by: &Somebody, email: &str, role: &str, name: &str) -> Somebody {
    invite(world, by, email, role).await.expect("invite");
    let token = token_to(world, email).await;
    answer(world, None, &token, name).await.expect("accept");
    enters(world, email, None).await
}

/// Makes a role of the organisation's own.
pub async fn role(world: &World, by: &Somebody, name: &str, permissions: &str) {
    let giver = may::<rights::RolesManage>(world, by).await;
    roles::create(&giver, world.accounts(), name, permissions, &here(), world.now).await.expect("a role");
}

/// Makes a unit; its id.
pub async fn unit(world: &World, by: &Somebody, name: &str) -> String {
    let manager = may::<rights::UnitsManage>(world, by).await;
    units::create(&manager, world.accounts(), name, &here(), world.now).await.expect("a unit");
    let all = units::list(&manager, world.accounts()).await.expect("units");
    all.iter().find(|unit| unit.name == name).expect("the unit").id.to_string()
}

/// A statement that reads or writes behind everybody's back. `$1` stands for the first value.
pub fn statement(database: &DatabaseConnection, sql: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(database.get_database_backend(), sql, values)
}

pub fn on_postgres(database: &DatabaseConnection) -> bool {
    database.get_database_backend() == DbBackend::Postgres
}
