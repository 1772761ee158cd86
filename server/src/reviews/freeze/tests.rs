//! What the statement recommends is what `rules::advice` says of the same facts, for everything that can be known of a grant.

use std::collections::BTreeMap;

use contract::standing::Standing;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};
use time::Duration;
use uuid::Uuid;

use super::*;
use crate::entity::{account, totp};
use crate::guard::Actor;
use crate::identity::Origin;
use crate::reviews::rules::{Known, advice};
use crate::reviews::words::{Advice, Effect, Reason, Silence, WhenDue};
use crate::reviews::{form::Wanted, open};
use crate::testing::World;

/// One grant for each combination of the five facts.
const COMBINATIONS: u32 = 1 << 5;

fn known(which: u32) -> Known {
    let fact = |bit: u32| which & (1 << bit) != 0;
    // The crowd has its roles by turns, so the lowest bit says which.
    Known { privileged: fact(0), orphaned: fact(1), over: fact(2), unused: fact(3), has_factor: fact(4) }
}

/// Makes the facts about one member true.
async fn made_true(change: &Change, world: &World, member: &membership::Model, known: Known) {
    let id = member.account_id;
    let people = change.unscoped("the people of a test");
    let seen = if known.unused { world.now - UNUSED - Duration::SECOND } else { world.now - Duration::DAY };
    let set = account::Entity::update_many()
        .col_expr(account::Column::SeenAtMs, Expr::value(Some(to_ms(seen))))
        .col_expr(account::Column::DisabledAtMs, Expr::value(known.orphaned.then_some(1_i64)))
        .filter(account::Column::Id.eq(id));
    people.update(set).await.expect("person");
    people.delete(totp::Entity::delete_many().filter(totp::Column::AccountId.eq(id))).await.expect("no factor");
    if known.has_factor {
        let factor = totp::ActiveModel {
            account_id: ActiveValue::Set(id),
            secret: ActiveValue::Set(vec![0]),
            last_step: ActiveValue::Set(0),
            confirmed_at_ms: ActiveValue::Set(1),
        };
        people.insert(factor).await.expect("factor");
    }
    let ends = world.now + if known.over { Duration::ZERO } else { Duration::DAY };
    let set = membership::Entity::update_many()
        .col_expr(membership::Column::EndsAtMs, Expr::value(Some(to_ms(ends))))
        .filter(membership::Column::AccountId.eq(id));
    change.update(set).await.expect("membership");
    let row = reach::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        account_id: ActiveValue::Set(id),
        kind: ActiveValue::Set("record".into()),
        target: ActiveValue::Set(Uuid::now_v7()),
        granted_by: ActiveValue::Set(None),
        granted_at_ms: ActiveValue::Set(None),
    };
    change.insert(row).await.expect("reach");
}

#[tokio::test]
async fn what_the_database_recommends_is_what_the_rules_say() {
    let world = World::new().await;
    let accounts = world.accounts();
    let tenant = world.stage_organisation("ours", "Ours", Standing::Active).await.tenant;
    let of = |much: bool| {
        let roles = world
            .profile
            .roles
            .iter()
            .filter(|(_, role)| much == (role.privileged || role.grants.iter().any(|may| may.administers())));
        roles.map(|(name, _)| name.as_str()).next().expect("such a role")
    };
    world.crowd(tenant, COMBINATIONS, &[of(false), of(true)]).await;

    let sealer = accounts.sealer(tenant, &Origin::of_program()).await.expect("keys");
    let change = world.operator().begin_in(tenant, Actor::System, sealer).await.expect("a change");
    let mut members = change.all(membership::Entity::find()).await.expect("members");
    members.sort_by_key(|member| (member.role == of(true), member.account_id));
    let half = members.len() / 2;
    let mut facts = BTreeMap::new();
    for (at, member) in members.iter().enumerate() {
        let privileged = at >= half;
        let which = u32::try_from(at % half).expect("few") * 2 + u32::from(privileged);
        made_true(&change, &world, member, known(which)).await;
        facts.insert(member.account_id, known(which));
    }
    let id = Uuid::now_v7();
    let wanted = Wanted {
        name: "Facts".into(),
        scope: Scope::All,
        stages: Vec::new(),
        fallback: None,
        due: world.now + Duration::DAY,
        silence: Silence::Keep,
        effect: Effect::AtOnce,
        when_due: WhenDue::Wait,
    };
    open::write(&change, id, &wanted, Actor::System, "hand", world.now).await.expect("a draft");
    population(&change, accounts, id, &Scope::All, world.now).await.expect("items");

    let items = change.all(review_item::Entity::find()).await.expect("items");
    assert_eq!(items.len(), 2 * facts.len());
    for item in &items {
        let known = facts[&item.account_id.expect("somebody")];
        let said = (Advice::stored(&item.advice), Reason::stored(&item.reason));
        assert_eq!(said, advice(known), "{}: {known:?}", item.kind);
        let told = [item.privileged, item.orphaned, item.has_factor].map(|flag| flag != 0);
        assert_eq!(told, [known.privileged, known.orphaned, known.has_factor], "{}", item.kind);
    }
    let both: BTreeMap<_, _> = items.iter().map(|item| (&item.reason, &item.advice)).collect();
    assert_eq!(both.len(), 5, "{both:?}");
}
