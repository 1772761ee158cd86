//! The queue: a letter is written in the change that causes it, sealed, tried again until it leaves, and wiped when it has left.

use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use tokio::task::{JoinHandle, spawn_blocking};
use uuid::Uuid;

use super::{Letter, Post, PostError};
use crate::clock::{from_ms, to_ms};
use crate::entity::letter;
use crate::guard::{AccountChange, Operator, Rows};
use crate::identity::{Accounts, Refusal, limits};
use crate::vault::Vault;

/// Tries before a letter counts as failed: with a pause that doubles, about a day and a half.
const TRIES: i32 = 12;
const FIRST_PAUSE: Duration = Duration::seconds(30);

/// How long one instance has before another may try its letters: longer than a round in which each takes as long as it may.
const LEASE: Duration = Duration::minutes(10);

/// Letters taken in one round.
const ROUND: u64 = 20;

/// What is sealed.
#[derive(Clone, Serialize, Deserialize)]
struct Content {
    from_name: String,
    from: String,
    to: String,
    subject: String,
    plain: String,
    html: String,
}

impl Content {
    fn of(accounts: &Accounts, to: &str, what: &Letter) -> Self {
        let words = what.words(&accounts.profile.name);
        Self {
            from_name: accounts.profile.name.clone(),
            from: accounts.profile.contacts.security.clone(),
            to: to.to_owned(),
            plain: words.plain(),
            html: words.html(),
            subject: words.subject,
        }
    }
}

/// Puts a letter into the queue. The self-test's own accounts have no mailbox, so none is written to them.
pub(crate) async fn put(
    change: &Rows,
    accounts: &Accounts,
    to: &str,
    what: &Letter,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    match written(accounts, &Content::of(accounts, to, what), what, now)? {
        Some(row) => Ok(change.insert(row.into_active_model().reset_all()).await?),
        None => Ok(()),
    }
}

/// The same letter to many, being sealed on a thread of its own while its change goes on.
#[derive(Debug)]
pub(crate) struct Sealing(JoinHandle<Result<Vec<letter::Model>, Refusal>>);

impl Sealing {
    /// `to` finds the addresses, on the same thread.
    pub(crate) fn begin(
        accounts: &Accounts,
        to: impl FnOnce() -> Vec<String> + Send + 'static,
        what: Letter,
        now: OffsetDateTime,
    ) -> Self {
        let accounts = accounts.clone();
        Self(spawn_blocking(move || {
            let words = Content::of(&accounts, "", &what);
            let letters = to().into_iter().map(|to| written(&accounts, &Content { to, ..words.clone() }, &what, now));
            letters.filter_map(Result::transpose).collect()
        }))
    }

    /// Puts them into the queue.
    pub(crate) async fn put(self, change: &Rows) -> Result<(), Refusal> {
        let letters = self.0.await.map_err(|_| Refusal::Busy(1))??;
        Ok(change.insert_many(letters.into_iter().map(|row| row.into_active_model().reset_all()).collect()).await?)
    }
}

/// A letter as it waits; none to an account of the self-test's own.
fn written(
    accounts: &Accounts,
    content: &Content,
    what: &Letter,
    now: OffsetDateTime,
) -> Result<Option<letter::Model>, Refusal> {
    if content.to.ends_with(crate::identity::stand_in::NO_MAILBOX) {
        return Ok(None);
    }
    let id = Uuid::now_v7();
    let plain = zeroize::Zeroizing::new(serde_json::to_vec(content).unwrap_or_default());
    Ok(Some(letter::Model {
        id,
        kind: what.kind().to_owned(),
        state: "queued".to_owned(),
        content: Some(accounts.vault.seal(&place(id), &plain)?),
        tries: 0,
        trouble: None,
        queued_at_ms: to_ms(now),
        due_at_ms: to_ms(now),
        done_at_ms: None,
    }))
}

/// The same for letters that strangers can cause: above the limit for this address none is sent, and nobody is told.
pub(crate) async fn put_limited(
    change: &AccountChange,
    accounts: &Accounts,
    to: &str,
    address_index: &str,
    what: &Letter,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    match limits::may_write(change, accounts, what.kind(), address_index, now).await {
        Ok(()) => put(change, accounts, to, what, now).await,
        Err(Refusal::TooMany(_)) => Ok(()),
        Err(other) => Err(other),
    }
}

fn place(id: Uuid) -> String {
    format!("letter/{id}/content")
}

/// What one round came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    pub sent: usize,
    pub later: usize,
    pub failed: usize,
}

/// Sends what is due.
///
/// # Errors
/// When the database does not answer; a letter that cannot be sent is not an error but comes back later.
pub async fn deliver(operator: &Operator, vault: &Vault, post: &Post, now: OffsetDateTime) -> Result<Round, DbErr> {
    let due = letter::Entity::find()
        .filter(letter::Column::State.eq("queued"))
        .filter(letter::Column::DueAtMs.lte(to_ms(now)))
        .order_by_asc(letter::Column::DueAtMs)
        .limit(ROUND);
    let mut round = Round::default();
    for row in operator.all(due).await? {
        if !lease(operator, &row, now).await? {
            continue;
        }
        let tries = row.tries + 1;
        let (state, trouble) = match send(vault, post, &row).await {
            Ok(()) => ("sent", None),
            Err(trouble) if tries >= TRIES || trouble.is_final() => ("failed", Some(trouble)),
            Err(trouble) => ("queued", Some(trouble)),
        };
        match state {
            "sent" => round.sent += 1,
            "failed" => round.failed += 1,
            _ => round.later += 1,
        }
        if let Some(cause) = &trouble {
            // What a mail server says may name the address: the log gets the kind of trouble only.
            tracing::warn!(letter = %row.id, kind = row.kind, trouble = cause.word(), "a letter could not be sent: {}", cause.word());
        }
        settle(operator, &row, state, trouble.map(|trouble| trouble.word()), now).await?;
    }
    Ok(round)
}

/// Takes a letter for this instance alone.
async fn lease(operator: &Operator, row: &letter::Model, now: OffsetDateTime) -> Result<bool, DbErr> {
    let change = operator.begin_account().await?;
    let mine = letter::Entity::update_many()
        .col_expr(letter::Column::DueAtMs, Expr::value(to_ms(now + LEASE)))
        .col_expr(letter::Column::Tries, Expr::value(row.tries + 1))
        .filter(letter::Column::Id.eq(row.id))
        .filter(letter::Column::State.eq("queued"))
        .filter(letter::Column::Tries.eq(row.tries));
    let taken = change.update(mine).await? == 1;
    change.commit_housekeeping().await?;
    Ok(taken)
}

async fn settle(
    operator: &Operator,
    row: &letter::Model,
    state: &str,
    trouble: Option<&'static str>,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    let change = operator.begin_account().await?;
    let mut set = letter::Entity::update_many()
        .col_expr(letter::Column::State, Expr::value(state))
        .col_expr(letter::Column::Trouble, Expr::value(trouble))
        .filter(letter::Column::Id.eq(row.id))
        .filter(letter::Column::Tries.eq(row.tries + 1));
    set = if state == "queued" {
        let pause = FIRST_PAUSE * 2_i32.pow(u32::try_from(row.tries).unwrap_or(0).min(12));
        set.col_expr(letter::Column::DueAtMs, Expr::value(to_ms(now + pause)))
    } else {
        set.col_expr(letter::Column::Content, Expr::value(None::<Vec<u8>>))
            .col_expr(letter::Column::DoneAtMs, Expr::value(Some(to_ms(now))))
    };
    change.update(set).await?;
    change.commit_housekeeping().await
}

async fn send(vault: &Vault, post: &Post, row: &letter::Model) -> Result<(), PostError> {
    if row.kind == Letter::Nobody.kind() {
        return Ok(());
    }
    let sealed = row.content.as_deref().ok_or(PostError::Unreadable)?;
    let plain = vault.open_sealed(&place(row.id), sealed).map_err(|_| PostError::Unreadable)?;
    let content: Content = serde_json::from_slice(&plain).map_err(|_| PostError::Unreadable)?;
    post.send(row.id, message(content)?).await
}

/// Addresses and subject go through their types, which take no line break: nothing that people typed becomes a header.
fn message(content: Content) -> Result<Message, PostError> {
    let mailbox = |name: Option<String>, address: &str| {
        let address: Address = address.parse().map_err(|_| PostError::BadAddress)?;
        Ok::<_, PostError>(Mailbox::new(name, address))
    };
    let part = |kind, text: String| SinglePart::builder().header(kind).body(body(text));
    Message::builder()
        .from(mailbox(Some(content.from_name), &content.from)?)
        .to(mailbox(None, &content.to)?)
        .subject(content.subject.replace(['\r', '\n'], " "))
        .multipart(
            MultiPart::alternative()
                .singlepart(part(ContentType::TEXT_PLAIN, content.plain))
                .singlepart(part(ContentType::TEXT_HTML, in_ascii(&content.html))),
        )
        .map_err(|_| PostError::Unreadable)
}

/// The longest line of a letter (RFC 5322 section 2.1.1).
const LINE: usize = 998;

/// Plain ASCII goes as it is, so that a link in a file can be copied: the library would fold what is longer than 76. Anything else is encoded.
fn body(text: String) -> Body {
    if !text.is_ascii() || text.contains('\r') || text.lines().any(|line| line.len() > LINE) {
        return Body::new(text);
    }
    Body::dangerous_pre_encoded(text.replace('\n', "\r\n").into_bytes(), ContentTransferEncoding::SevenBit)
}

/// HTML can say every character in ASCII.
fn in_ascii(html: &str) -> String {
    html.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("&#{};", u32::from(c)) }).collect()
}

/// A letter as operators see it: when, what kind, how it went; neither to whom nor what it says.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    pub id: Uuid,
    pub kind: String,
    pub state: String,
    pub tries: i32,
    pub trouble: Option<String>,
    #[serde(serialize_with = "time::serde::rfc3339::serialize")]
    pub queued_at: OffsetDateTime,
}

/// The newest letters.
///
/// # Errors
/// When the database does not answer.
pub async fn newest(operator: &Operator, most: u64) -> Result<Vec<Seen>, DbErr> {
    let rows = letter::Entity::find()
        .filter(letter::Column::Kind.ne(Letter::Nobody.kind()))
        .order_by_desc(letter::Column::QueuedAtMs)
        .limit(most);
    let seen = |row: letter::Model| Seen {
        id: row.id,
        kind: row.kind,
        state: row.state,
        tries: row.tries,
        trouble: row.trouble,
        queued_at: from_ms(row.queued_at_ms),
    };
    Ok(operator.all(rows).await?.into_iter().map(seen).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(plain: &str, html: &str) -> String {
        let content = Content {
            from_name: "Aertous".into(),
            from: "security@aertous.example".into(),
            to: "ada@acme.example".into(),
            subject: "Confirm".into(),
            plain: plain.into(),
            html: html.into(),
        };
        String::from_utf8(message(content).expect("a letter").formatted()).expect("ASCII")
    }

    #[test]
    fn a_link_can_be_copied_out_of_the_file_of_a_letter() {
        let link = format!("http://127.0.0.1:3000/sign-up/verify?token={}", "0f".repeat(32));
        let sent = letter(
            &format!("Confirm:\n{link}\n"),
            &format!("<title>Confirm \u{b7} Us</title><a href=\"{link}\">Confirm</a>"),
        );
        assert_eq!(sent.matches(&link).count(), 2, "{sent}");
        assert!(sent.contains(&format!("Confirm:\r\n{link}\r\n")) && sent.contains("Confirm &#183; Us"), "{sent}");
        // What cannot go as it is, is encoded as before.
        let (long, other) = ("a".repeat(LINE + 1), "gr\u{fc}n");
        assert!(letter(&long, "").lines().all(|line| line.len() <= LINE) && letter(other, "").is_ascii());
    }
}
