//! The record of each account: what happened to it, when and from where, hash-chained. Tries on addresses that nobody has are
//! kept under nobody's id, so that both cost the same.

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::origin::Place;
use super::{Accounts, Origin, Refusal};
use crate::chain::{self, GENESIS};
use crate::clock::{from_ms, to_ms};
use crate::crypto::hex;
use crate::entity::{account_chain, account_entry};
use crate::guard::{AccountId, SignedIn};

macro_rules! actions {
    ($($name:ident $word:literal $said:literal;)*) => {
        /// Everything about an account that is worth a record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action { $($name),* }

        impl Action {
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// As the person reads it.
            fn said(word: &str) -> &'static str {
                match word { $($word => $said,)* _ => "Something else happened" }
            }
        }
    };
}

actions! {
    SignUpAsked "sign-up-asked" "Somebody asked to sign up with this address";
    SignedUp "signed-up" "The account was made";
    PasswordRefused "password-refused" "A wrong password was refused";
    PasswordAccepted "password-accepted" "The password was given";
    SignedIn "signed-in" "Signed in";
    CodeRefused "code-refused" "A wrong code was refused";
    CodeAccepted "code-accepted" "Signed in with a code";
    BackupCodeUsed "backup-code-used" "Signed in with a backup code";
    Confirmed "confirmed" "The second factor was given again";
    PasswordConfirmed "password-confirmed" "The password was given again";
    FactorEnrolled "factor-enrolled" "A second factor was set up";
    FactorReplaced "factor-replaced" "The second factor was replaced";
    FactorRemoved "factor-removed" "The second factor was taken away";
    BackupCodesMade "backup-codes-made" "New backup codes were made";
    SignedOut "signed-out" "Signed out";
    SessionRevoked "session-revoked" "A session was ended from another one";
    OthersRevoked "others-revoked" "All other sessions were ended";
    ResetAsked "reset-asked" "Somebody asked for a password link";
    PasswordReset "password-reset" "A new password was set through a link";
    PasswordChanged "password-changed" "The password was changed";
    ProfileChanged "profile-changed" "Name or display settings were changed";
    AddressAsked "address-asked" "A change of address was asked for";
    AddressChanged "address-changed" "The address was changed";
    OrganisationMade "organisation-made" "An organisation was made";
    Imported "imported" "The account came with an organisation that was moved here";
    CopyMade "copy-made" "A copy of everything about you was made";
    DeletionAsked "deletion-asked" "The end of the account was asked for";
    DeletionCalledOff "deletion-called-off" "The end of the account was called off";
    Joined "joined" "An invitation to an organisation was accepted";
}

/// One thing that happened.
#[derive(Debug)]
pub struct Happened<'a> {
    /// `None`: to nobody whom we know.
    pub account: Option<AccountId>,
    pub action: Action,
    pub origin: &'a [u8],
    pub at: OffsetDateTime,
}

/// What happened, with the origin sealed for whom it happened to.
pub(crate) struct Entry {
    account: Option<AccountId>,
    action: Action,
    origin: Vec<u8>,
    at: OffsetDateTime,
}

impl Entry {
    pub(crate) fn of(
        accounts: &Accounts,
        account: Option<AccountId>,
        action: Action,
        origin: &Origin,
        at: OffsetDateTime,
    ) -> Result<Self, Refusal> {
        Ok(Self { account, action, origin: origin.sealed(accounts, account)?, at })
    }

    pub(crate) fn happened(&self) -> Happened<'_> {
        Happened { account: self.account, action: self.action, origin: &self.origin, at: self.at }
    }
}

/// Appends the entry inside the change that it records. The head's row is the lock: changes of one account wait for each other.
pub(crate) async fn append(rows: &crate::guard::Rows, happened: &Happened<'_>) -> Result<(), DbErr> {
    let account = happened.account.map_or(Uuid::nil(), |id| id.0);
    let seq = Expr::col((account_chain::Entity, account_chain::Column::Seq));
    let next =
        OnConflict::column(account_chain::Column::AccountId).value(account_chain::Column::Seq, seq.add(1)).to_owned();
    let first = account_chain::ActiveModel {
        account_id: ActiveValue::Set(account),
        seq: ActiveValue::Set(1),
        hash: ActiveValue::Set(GENESIS.to_owned()),
    };
    let head = rows.upsert_returning(first, next).await?;
    let head = head.ok_or_else(|| DbErr::RecordNotFound("the head of an account's record".into()))?;
    let mut entry = account_entry::Model {
        account_id: account,
        seq: head.seq,
        at_ms: to_ms(happened.at),
        action: happened.action.word().to_owned(),
        origin: happened.origin.to_vec(),
        previous_hash: head.hash,
        hash: String::new(),
    };
    entry.hash = hash_of(&entry);
    let set = account_chain::Entity::update_many()
        .col_expr(account_chain::Column::Hash, Expr::value(entry.hash.clone()))
        .filter(account_chain::Column::AccountId.eq(account));
    rows.insert(entry.into_active_model().reset_all()).await?;
    rows.update(set).await.map(|_| ())
}

fn hash_of(entry: &account_entry::Model) -> String {
    let account_entry::Model { account_id, seq, at_ms, action, origin, previous_hash, hash: _ } = entry;
    chain::link(previous_hash, &[&account_id.to_string(), &seq.to_string(), &at_ms.to_string(), action, &hex(origin)])
}

/// One line of one's own record.
#[derive(Clone, Debug)]
pub struct Line {
    pub at: OffsetDateTime,
    pub said: &'static str,
    pub place: Place,
}

/// One's own newest entries.
///
/// # Errors
/// When the database does not answer.
pub async fn newest(reader: &SignedIn, accounts: &Accounts, most: u64) -> Result<Vec<Line>, Refusal> {
    let rows = account_entry::Entity::find()
        .filter(account_entry::Column::AccountId.eq(reader.account.0))
        .order_by_desc(account_entry::Column::Seq)
        .limit(most);
    let line = |row: account_entry::Model| Line {
        at: from_ms(row.at_ms),
        said: Action::said(&row.action),
        place: Place::open(accounts, reader.account, &row.origin),
    };
    Ok(reader.all(rows).await?.into_iter().map(line).collect())
}

/// What somebody tried in vain before this sign-in, or since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    pub passwords: usize,
    pub codes: usize,
    /// Each once, the newest first.
    pub networks: Vec<String>,
    pub newest: OffsetDateTime,
    /// When the sign-in before was; `None` when this is the first.
    pub since: Option<OffsetDateTime>,
}

/// As many tries are counted one by one; the limit of the door is far below.
const MOST_TRIES: u64 = 500;

/// Wrong passwords and codes since the sign-in before this one: whoever comes in sees whether somebody else stood at the door. `None`: there were none.
///
/// # Errors
/// When the database does not answer.
pub async fn tried(reader: &SignedIn, accounts: &Accounts) -> Result<Option<Tried>, Refusal> {
    let own = || account_entry::Entity::find().filter(account_entry::Column::AccountId.eq(reader.account.0));
    // With a second factor, the password alone has let nobody in.
    let all_the_way = if reader.enrolled {
        vec![Action::CodeAccepted, Action::BackupCodeUsed, Action::FactorEnrolled, Action::SignedUp]
    } else {
        vec![Action::PasswordAccepted, Action::SignedUp]
    };
    let sign_ins = own()
        .filter(account_entry::Column::Action.is_in(all_the_way.into_iter().map(Action::word)))
        .order_by_desc(account_entry::Column::Seq)
        .limit(2);
    let before = reader.all(sign_ins).await?.into_iter().nth(1);
    let refused = [Action::PasswordRefused.word(), Action::CodeRefused.word()];
    let rows = own()
        .filter(account_entry::Column::Action.is_in(refused))
        .filter(account_entry::Column::Seq.gt(before.as_ref().map_or(0, |row| row.seq)))
        .order_by_desc(account_entry::Column::Seq)
        .limit(MOST_TRIES);
    let rows = reader.all(rows).await?;
    let Some(newest) = rows.first().map(|row| from_ms(row.at_ms)) else { return Ok(None) };
    let codes = rows.iter().filter(|row| row.action == Action::CodeRefused.word()).count();
    let mut networks = Vec::new();
    for row in &rows {
        let network = Place::open(accounts, reader.account, &row.origin).network;
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    let since = before.map(|row| from_ms(row.at_ms));
    Ok(Some(Tried { passwords: rows.len() - codes, codes, networks, newest, since }))
}

/// Walks every account's record from its first entry: how many entries there are, or the first bad one.
///
/// # Errors
/// When the database does not answer.
pub async fn verify_all(operator: &crate::guard::Operator) -> Result<Result<usize, (Uuid, i64)>, DbErr> {
    let heads = operator.all(account_chain::Entity::find().order_by_asc(account_chain::Column::AccountId)).await?;
    let mut walked = 0;
    for head in heads {
        let entries = account_entry::Entity::find()
            .filter(account_entry::Column::AccountId.eq(head.account_id))
            .order_by_asc(account_entry::Column::Seq);
        let (mut previous, mut expected) = (GENESIS.to_owned(), 1);
        for entry in operator.all(entries).await? {
            if entry.seq != expected || entry.previous_hash != previous || entry.hash != hash_of(&entry) {
                return Ok(Err((head.account_id, expected)));
            }
            previous = entry.hash;
            expected += 1;
        }
        if head.seq != expected - 1 || head.hash != previous {
            return Ok(Err((head.account_id, expected)));
        }
        walked += usize::try_from(head.seq).unwrap_or(usize::MAX);
    }
    Ok(Ok(walked))
}
