//! Legal holds: on a basis, for a scope, until a day; and what they keep.

use sea_orm::{ConnectionTrait, TransactionTrait};
use server::guard::rights;
use server::identity::Refusal;
use server::retention;
use server::retention::holds::{self, Form};
use server::testing::{START, World};
use time::Duration;
use uuid::Uuid;

use crate::closing::{WINDOWS, cancel, due_at};
use crate::common::*;

/// The whole organisation, until the end of that day.
pub const WHOLE: Form<'static> = Form {
    kind: "organisation",
    subject: None,
    basis: "Article 6 of a law",
    scope: "all invoices",
    until: "2027-12-31",
};

async fn place(world: &World, who: &Somebody, form: &Form<'_>) -> Result<Uuid, Refusal> {
    let owner = may::<rights::OrganisationManage>(world, who).await;
    holds::place(&owner, world.accounts(), form, &here(), world.now).await
}

#[tokio::test]
async fn a_hold_without_a_basis_a_scope_or_an_end_to_come_is_refused() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    for (field, form) in [
        ("kind", Form { kind: "everything", ..WHOLE }),
        ("basis", Form { basis: " ", ..WHOLE }),
        ("scope", Form { scope: "", ..WHOLE }),
        ("until", Form { until: "", ..WHOLE }),
        ("until", Form { until: "2026-11-20", ..WHOLE }),
        ("subject", Form { kind: "person", ..WHOLE }),
        ("subject", Form { kind: "record", subject: Some("0192f0c1-2345-7abc-8def-0123456789ab"), ..WHOLE }),
    ] {
        let refused = place(&world, &ada, &form).await;
        assert!(matches!(&refused, Err(Refusal::Field(blamed, _)) if *blamed == field), "{field}: {refused:?}");
    }
}

#[tokio::test]
async fn a_held_organisation_survives_its_window_and_goes_by_itself_when_the_hold_ends() {
    for (mode, days) in WINDOWS {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        place(&world, &ada, &WHOLE).await.expect("a hold");
        cancel(&world, &ada).await.expect("cancel");
        let before = world.rows_left(ada.tenant).await;
        let round = due_at(&mut world, START + Duration::days(*days)).await;
        assert_eq!((round.purged, round.held), (0, 1), "{mode}");
        assert_eq!(world.rows_left(ada.tenant).await, before, "{mode}");
        let ends = time::macros::datetime!(2028-01-01 00:00 UTC);
        assert_eq!(due_at(&mut world, ends - Duration::seconds(1)).await.purged, 0, "{mode}");
        assert_eq!(due_at(&mut world, ends).await.purged, 1, "{mode}");
    }
}

#[tokio::test]
async fn the_owner_of_what_is_held_sees_basis_scope_and_end() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    place(&world, &ada, &WHOLE).await.expect("a hold");
    cancel(&world, &ada).await.expect("cancel");
    let reader = may::<rights::BillingManage>(&world, &ada).await;
    let shown = holds::list(&reader, world.accounts()).await.expect("holds");
    let told = (shown[0].basis.as_str(), shown[0].scope.as_str(), shown[0].ends.date().to_string());
    assert_eq!(told, (WHOLE.basis, WHOLE.scope, "2028-01-01".to_owned()));
}

#[tokio::test]
async fn a_hold_of_the_vendor_is_not_for_the_organisation_to_lift() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let (operator, accounts) = (world.operator(), world.accounts());
    let hold = holds::place_by_operator(&operator, accounts, &ada.slug, &WHOLE, world.now).await.expect("a hold");
    let owner = may::<rights::OrganisationManage>(&world, &ada).await;
    let refused = holds::lift(&owner, accounts, &hold.to_string(), &here(), world.now).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    holds::lift_by_operator(&operator, accounts, &ada.slug, &hold.to_string(), world.now).await.expect("lifted");
}

#[tokio::test]
async fn a_hold_that_is_lifted_keeps_nothing() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let hold = place(&world, &ada, &WHOLE).await.expect("a hold");
    let owner = may::<rights::OrganisationManage>(&world, &ada).await;
    holds::lift(&owner, world.accounts(), &hold.to_string(), &here(), world.now).await.expect("lift");
    cancel(&world, &ada).await.expect("cancel");
    assert_eq!(due_at(&mut world, START + Duration::days(90)).await.purged, 1);
}

#[tokio::test]
async fn a_removed_record_goes_when_its_days_in_the_bin_are_over_unless_it_is_held() {
    for (mode, days) in WINDOWS {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        let (held, free) = (world.stage_removed(ada.tenant).await, world.stage_removed(ada.tenant).await);
        place(&world, &ada, &Form { kind: "record", subject: Some(&held.to_string()), ..WHOLE }).await.expect("a hold");
        let end = START + Duration::days(*days);
        for (at, gone) in [(end - Duration::seconds(1), 0), (end, 1), (end + Duration::days(1), 0)] {
            world.now = at;
            let round = retention::sweep(&world.operator(), world.accounts(), at).await.expect("a round");
            assert_eq!((round.expired, round.broken), (gone, 0), "{mode} at {at}");
        }
        assert_ne!(held, free);
    }
}

#[tokio::test]
async fn a_hold_that_is_placed_while_a_purge_begins_keeps_everything_or_is_refused() {
    for (mode, days) in WINDOWS {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        cancel(&world, &ada).await.expect("cancel");
        world.now = START + Duration::days(*days);
        let (operator, accounts) = (world.operator(), world.accounts());
        let placing = holds::place_by_operator(&operator, accounts, &ada.slug, &WHOLE, world.now);
        let (placed, round) = tokio::join!(placing, retention::due(&operator, accounts, world.now));
        let round = round.expect("a round");
        match placed {
            Ok(_) => assert_eq!((round.held, round.purged), (1, 0), "{mode}"),
            Err(_) => assert_eq!((round.held, round.purged), (0, 1), "{mode}"),
        }
    }
}

/// PostgreSQL lets two change at once; the row of the organisation is where they wait. SQLite has one writer.
#[tokio::test]
async fn whoever_begins_a_purge_waits_for_a_hold_that_is_being_placed_and_sees_it() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let behind = world.behind().await;
    if !on_postgres(&behind) {
        return;
    }
    cancel(&world, &ada).await.expect("cancel");
    world.now = START + Duration::days(90);
    // The other connection: it has placed its hold, and has not committed yet.
    #[expect(clippy::disallowed_methods, reason = "SQLite is out of the question here")]
    let placing = behind.begin().await.expect("begin");
    let (tenant, id) = (ada.tenant.0, Uuid::now_v7());
    let held = statement(&behind, "select id from organisation where id = $1 for update", vec![tenant.into()]);
    placing.query_one_raw(held).await.expect("held");
    let hold = "insert into legal_hold (tenant_id, id, kind, subject, basis, scope, placed_kind, placed_by, placed_at_ms, ends_at_ms) \
                values ($1, $2, 'organisation', $1, 'x', 'x', 'system', $2, 0, 9000000000000)";
    placing.execute_raw(statement(&behind, hold, vec![tenant.into(), id.into()])).await.expect("a hold");

    let (operator, accounts) = (world.operator(), world.accounts());
    let mut condemning = std::pin::pin!(retention::due(&operator, accounts, world.now));
    let waits = tokio::time::timeout(std::time::Duration::from_secs(1), &mut condemning).await;
    assert!(waits.is_err(), "it did not wait");
    placing.commit().await.expect("commit");
    let round = condemning.await.expect("a round");
    assert_eq!((round.held, round.purged), (1, 0));
}
