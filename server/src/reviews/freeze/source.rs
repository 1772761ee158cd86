//! The sources of grants, each as a selection whose rows become items.

use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, SimpleExpr};
use sea_orm::{DbBackend, EntityTrait, JoinType, QueryFilter, QuerySelect, RelationDef, Select};
use uuid::Uuid;

use super::{Freezing, advised};
use crate::clock::to_ms;
use crate::entity::review_item::Column;
use crate::entity::{account, calendar_key, invitation, membership, reach, totp};
use crate::reviews::words::Reason;

/// In the order of [`Cells::onto`].
pub(super) const COLUMNS: &[Column] = &[
    Column::Id,
    Column::ReviewId,
    Column::Kind,
    Column::AccountId,
    Column::TargetId,
    Column::TargetKind,
    Column::Address,
    Column::Role,
    Column::GrantedAtMs,
    Column::GrantedBy,
    Column::EndsAtMs,
    Column::LastUsedMs,
    Column::HasFactor,
    Column::Privileged,
    Column::Orphaned,
    Column::Previous,
    Column::Advice,
    Column::Reason,
    Column::Stage,
    Column::Silent,
    Column::State,
];

/// In the order of a line of the hash.
pub(super) const HASHED: &[Column] = &[
    Column::Id,
    Column::Kind,
    Column::AccountId,
    Column::TargetId,
    Column::TargetKind,
    Column::Role,
    Column::GrantedAtMs,
    Column::EndsAtMs,
    Column::LastUsedMs,
    Column::HasFactor,
    Column::Privileged,
    Column::Orphaned,
    Column::Advice,
    Column::Reason,
];

const NULL: &str = "null";
const NEVER: &str = "1 = 0";

/// What an item is made of, in the words of its source. None of it comes from a form.
#[derive(Debug)]
pub(super) struct Cells {
    order: &'static str,
    kind: &'static str,
    account: &'static str,
    target: String,
    target_kind: &'static str,
    address: &'static str,
    role: &'static str,
    granted_at: &'static str,
    granted_by: &'static str,
    ends_at: &'static str,
    last_used: &'static str,
    orphaned: &'static str,
    factor: &'static str,
    over: String,
    unused: String,
    privileged: SimpleExpr,
    previous: String,
    used: Reason,
}

fn raw(sql: &str) -> SimpleExpr {
    Expr::cust(sql.to_owned())
}

/// A condition as 1 or 0.
fn flag(condition: SimpleExpr) -> SimpleExpr {
    CaseStatement::new().case(condition, Expr::value(1_i32)).finally(Expr::value(0_i32)).into()
}

impl Cells {
    pub(super) fn onto<E: EntityTrait>(self, select: Select<E>, freezing: &Freezing<'_>, after: u64) -> Select<E> {
        let conditions = |words: [&'static str; 4]| {
            let bare = raw(&format!("not ({})", self.factor)).and(self.privileged.clone());
            [
                (raw(self.orphaned), words[0]),
                (raw(&self.over), words[1]),
                (raw(&self.unused), words[2]),
                (bare, words[3]),
            ]
        };
        let advice = advised(conditions(["revoke"; 4]), "keep");
        let reasons = [Reason::Orphaned, Reason::Over, Reason::Unused, Reason::NoFactor].map(Reason::word);
        let reason = advised(conditions(reasons), self.used.word());
        let cells: [SimpleExpr; 21] = [
            raw(&freezing.id(self.order, after)),
            Expr::value(freezing.review),
            Expr::value(self.kind),
            raw(self.account),
            raw(&self.target),
            raw(self.target_kind),
            raw(self.address),
            raw(self.role),
            raw(self.granted_at),
            raw(self.granted_by),
            raw(self.ends_at),
            raw(self.last_used),
            flag(raw(self.factor)),
            flag(self.privileged.clone()),
            flag(raw(self.orphaned)),
            raw(&self.previous),
            advice,
            reason,
            Expr::value(1_i32),
            Expr::value(0_i32),
            Expr::value("pending"),
        ];
        cells.into_iter().fold(select.select_only(), QuerySelect::expr)
    }
}

type Made<E> = Option<(Select<E>, Cells)>;

const GONE: &str = "(account.id is null or account.disabled_at_ms is not null)";
const ENROLLED: &str = "totp.confirmed_at_ms is not null";

impl Freezing<'_> {
    /// Ids that begin as the review's does and count on: items lie in their order, and none has to be made outside of the database.
    fn id(&self, order: &str, after: u64) -> String {
        let number = format!("row_number() over (order by {order}) + {after}");
        if self.backend == DbBackend::Postgres {
            let head = &self.review.to_string()[..24];
            return format!("('{head}' || lpad(to_hex({number}), 12, '0'))::uuid");
        }
        let head = &self.review.simple().to_string()[..20];
        format!("unhex('{head}' || printf('%012X', {number}))")
    }

    fn literal(&self, id: Uuid) -> String {
        match self.backend {
            DbBackend::Postgres => format!("'{id}'::uuid"),
            DbBackend::Sqlite | DbBackend::MySql | _ => format!("x'{}'", id.simple()),
        }
    }

    /// What was decided about the same grant in the review before.
    fn previous(&self, table: &str, more: &str) -> String {
        self.before.map_or_else(
            || NULL.to_owned(),
            |before| {
                let before = self.literal(before);
                format!(
                    "(select p.decision from review_item p where p.tenant_id = {table}.tenant_id and p.account_id = {table}.account_id and p.review_id = {before} and {more} limit 1)"
                )
            },
        )
    }

    /// Members, or the vendor's staff who were let in to help.
    pub(super) fn memberships(&self, kind: &'static str) -> Made<membership::Entity> {
        let account: RelationDef = membership::Entity::belongs_to(account::Entity)
            .from(membership::Column::AccountId)
            .to(account::Column::Id)
            .into();
        let factor: RelationDef = membership::Entity::belongs_to(totp::Entity)
            .from(membership::Column::AccountId)
            .to(totp::Column::AccountId)
            .into();
        let unused = format!("coalesce(account.seen_at_ms, membership.since_ms) < {}", self.unused_since());
        let role = || Expr::col((membership::Entity, membership::Column::Role));
        let in_unit = |id: Uuid| {
            raw(&format!(
                "exists (select 1 from reach r where r.tenant_id = membership.tenant_id and r.account_id = membership.account_id and r.target = {})",
                self.literal(id)
            ))
        };
        let within = self.within(Some(role()), Some(&in_unit), &unused)?;
        let select = membership::Entity::find()
            .join(JoinType::LeftJoin, account)
            .join(JoinType::LeftJoin, factor)
            .filter(Expr::col((membership::Entity, membership::Column::Kind)).eq(kind))
            .filter(within);
        let help = kind == "help";
        let grant = "(select h.id from help_grant h where h.tenant_id = membership.tenant_id and h.account_id = membership.account_id and h.ended_at_ms is null order by h.given_at_ms desc limit 1)";
        let giver = "(select h.given_by from help_grant h where h.tenant_id = membership.tenant_id and h.account_id = membership.account_id and h.ended_at_ms is null order by h.given_at_ms desc limit 1)";
        let cells = Cells {
            order: "membership.role, membership.account_id",
            kind: if help { "help" } else { "membership" },
            account: "membership.account_id",
            target: if help { grant } else { NULL }.to_owned(),
            target_kind: if help { "'help'" } else { NULL },
            address: NULL,
            role: "membership.role",
            granted_at: "coalesce(membership.granted_at_ms, membership.since_ms)",
            granted_by: if help { giver } else { "membership.granted_by" },
            ends_at: "membership.ends_at_ms",
            last_used: "account.seen_at_ms",
            orphaned: GONE,
            factor: ENROLLED,
            over: self.over("membership.ends_at_ms"),
            unused,
            privileged: self.is_privileged(role()),
            previous: self.previous("membership", if help { "p.kind = 'help'" } else { "p.kind = 'membership'" }),
            used: Reason::Used,
        };
        Some((select, cells))
    }

    /// The units and records that somebody is let to.
    pub(super) fn reaches(&self) -> Made<reach::Entity> {
        let member: RelationDef = reach::Entity::belongs_to(membership::Entity)
            .from((reach::Column::TenantId, reach::Column::AccountId))
            .to((membership::Column::TenantId, membership::Column::AccountId))
            .into();
        let account: RelationDef =
            reach::Entity::belongs_to(account::Entity).from(reach::Column::AccountId).to(account::Column::Id).into();
        let factor: RelationDef =
            reach::Entity::belongs_to(totp::Entity).from(reach::Column::AccountId).to(totp::Column::AccountId).into();
        let unused = format!("coalesce(account.seen_at_ms, membership.since_ms, 0) < {}", self.unused_since());
        let role = || Expr::col((membership::Entity, membership::Column::Role));
        let in_unit = |id: Uuid| raw(&format!("reach.target = {}", self.literal(id)));
        let within = self.within(Some(role()), Some(&in_unit), &unused)?;
        let select = reach::Entity::find()
            .join(JoinType::LeftJoin, member)
            .join(JoinType::LeftJoin, account)
            .join(JoinType::LeftJoin, factor)
            .filter(within);
        let cells = Cells {
            order: "membership.role, reach.account_id, reach.kind, reach.target",
            kind: "reach",
            account: "reach.account_id",
            target: "reach.target".to_owned(),
            target_kind: "reach.kind",
            address: NULL,
            role: "membership.role",
            granted_at: "coalesce(reach.granted_at_ms, membership.since_ms, 0)",
            granted_by: "reach.granted_by",
            ends_at: "membership.ends_at_ms",
            last_used: "account.seen_at_ms",
            orphaned: GONE,
            factor: ENROLLED,
            over: self.over("membership.ends_at_ms"),
            unused,
            privileged: self.is_privileged(role()),
            previous: self.previous("reach", "p.kind = 'reach' and p.target_id = reach.target"),
            used: Reason::Used,
        };
        Some((select, cells))
    }

    /// Invitations that nobody has answered. Whether whoever answers has a factor is for their first sign-in to say.
    pub(super) fn invitations(&self) -> Made<invitation::Entity> {
        let role = || Expr::col((invitation::Entity, invitation::Column::Role));
        let unused = format!("invitation.made_at_ms < {}", self.unused_since());
        let in_unit = |id: Uuid| raw(&format!("invitation.unit_id = {}", self.literal(id)));
        let within = self.within(Some(role()), Some(&in_unit), &unused)?;
        let cells = Cells {
            order: "invitation.role, invitation.id",
            kind: "invitation",
            account: NULL,
            target: "invitation.id".to_owned(),
            target_kind: "'invitation'",
            address: "invitation.address",
            role: "invitation.role",
            granted_at: "invitation.made_at_ms",
            granted_by: "invitation.invited_by",
            ends_at: "invitation.ends_at_ms",
            last_used: NULL,
            orphaned: NEVER,
            factor: "1 = 1",
            over: self.over("invitation.ends_at_ms"),
            unused,
            privileged: self.is_privileged(role()),
            previous: NULL.to_owned(),
            used: Reason::Waiting,
        };
        Some((invitation::Entity::find().filter(within), cells))
    }

    /// The secret addresses of calendars.
    pub(super) fn tokens(&self) -> Made<calendar_key::Entity> {
        let account: RelationDef = calendar_key::Entity::belongs_to(account::Entity)
            .from(calendar_key::Column::AccountId)
            .to(account::Column::Id)
            .into();
        let unused = format!("coalesce(calendar_key.used_at_ms, calendar_key.made_at_ms) < {}", self.unused_since());
        let within = self.within(None, None, &unused)?;
        let cells = Cells {
            order: "calendar_key.account_id",
            kind: "token",
            account: "calendar_key.account_id",
            target: NULL.to_owned(),
            target_kind: NULL,
            address: NULL,
            role: NULL,
            granted_at: "calendar_key.made_at_ms",
            granted_by: "calendar_key.account_id",
            ends_at: NULL,
            last_used: "calendar_key.used_at_ms",
            orphaned: GONE,
            factor: "1 = 1",
            over: NEVER.to_owned(),
            unused,
            privileged: raw(NEVER),
            previous: self.previous("calendar_key", "p.kind = 'token'"),
            used: Reason::Used,
        };
        Some((calendar_key::Entity::find().join(JoinType::LeftJoin, account).filter(within), cells))
    }

    fn over(&self, column: &str) -> String {
        format!("({column} is not null and {column} <= {})", to_ms(self.now))
    }

    fn is_privileged(&self, role: SimpleExpr) -> SimpleExpr {
        if self.privileged.is_empty() {
            return raw(NEVER);
        }
        role.is_in(self.privileged.iter().map(String::as_str))
    }
}
