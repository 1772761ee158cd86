//! Somebody, at every stage of getting in.

use server::crypto::secret::{BackupCode, Ticket};
use server::crypto::totp::TotpSecret;
use server::guard::{Caller, CodeHolder, Enroller, SessionId, SignedIn};
use server::identity::second_factor::Factor;
use server::identity::{Origin, Refusal, enrolment, second_factor, sign_in, sign_up};
use server::testing::{World, link_token};

pub const PASSWORD: &str = "violet otters eat ripe plums";
pub const MAIL: &str = "ada@acme.example";

pub fn from(address: &str) -> Origin {
    Origin::new(address.parse().expect("address"), address.to_owned(), "Mozilla/5.0 (X11; Linux) Firefox/130", None)
}

/// One browser of one person; every call is the same one.
pub fn here() -> Origin {
    static MARK: std::sync::OnceLock<Ticket> = std::sync::OnceLock::new();
    let mark = MARK.get_or_init(|| Ticket::random().expect("random"));
    Origin { device: Some(mark.clone()), ..from("192.0.2.7") }
}

pub async fn ask(world: &World, email: &str) -> Result<(), Refusal> {
    let form = sign_up::Form { email, name: "Ada Lovelace", organisation: "Analytical Engines", password: PASSWORD };
    sign_up::request(&world.visitor(), world.accounts(), &form, &here(), world.now).await
}

/// Somebody with a confirmed address.
pub async fn member(world: &World, email: &str) {
    ask(world, email).await.expect("sign up");
    let letters = world.letters().await;
    let (_, text) = letters.iter().find(|(to, _)| to == email).expect("a letter");
    sign_up::confirm(&world.visitor(), world.accounts(), &link_token(text), &here(), world.now).await.expect("confirm");
}

pub async fn try_password(world: &World, email: &str, password: &str, origin: &Origin) -> Result<SessionId, Refusal> {
    let form = sign_in::Form { email, password, next: None };
    sign_in::with_password(&world.visitor(), world.accounts(), &form, None, origin, world.now).await
}

pub async fn caller(world: &World, id: SessionId) -> Option<Caller> {
    world.visitor().caller(&world.profile, &id.hash(), world.now).await.expect("database")
}

pub async fn half(world: &World) -> (SessionId, Caller) {
    let id = try_password(world, MAIL, PASSWORD, &here()).await.expect("password");
    (id, caller(world, id).await.expect("caller"))
}

/// Somebody with a second factor, all the way in: the session, the app's secret, the backup codes.
pub async fn enrolled(world: &World) -> (SessionId, TotpSecret, Vec<BackupCode>) {
    member(world, MAIL).await;
    let (_, enrolling) = half(world).await;
    let enroller = enrolling.prove::<server::guard::rule::Enroller>().expect("enroller");
    let secret = secret_of(world, &enroller);
    let code = code(world, &secret);
    let (id, codes) =
        enrolment::confirm(&enroller, world.accounts(), &code, &here(), world.now).await.expect("confirm");
    (id, secret, codes)
}

pub fn secret_of(world: &World, enroller: &Enroller) -> TotpSecret {
    let offer = enrolment::offer(enroller, world.accounts()).expect("offer");
    TotpSecret::from_base32(&offer.base32).expect("160 bits")
}

pub fn code(world: &World, secret: &TotpSecret) -> String {
    let seconds = u64::try_from(world.now.unix_timestamp()).expect("positive");
    secret.code_at(&world.profile.policy.mfa, seconds).expect("code")
}

pub async fn give(world: &World, holder: &CodeHolder, factor: Factor<'_>) -> Result<SessionId, Refusal> {
    second_factor::give(holder, world.accounts(), factor, &here(), world.now).await
}

pub fn holder(caller: &Caller) -> CodeHolder {
    caller.prove::<server::guard::rule::CodeHolder>().expect("code holder")
}

pub async fn signed_in(world: &World, id: SessionId) -> SignedIn {
    caller(world, id).await.expect("caller").prove::<server::guard::rule::SignedIn>().expect("signed in")
}
