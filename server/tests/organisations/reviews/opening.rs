//! What is taken down when a review begins.

use sea_orm::ConnectionTrait;
use server::guard::rights;
use server::identity::Refusal;
use server::organisations::members;
use server::reviews::{self, Form, Kind, Preview, Reason, Status};
use time::Duration;

use super::*;

#[tokio::test]
async fn everything_that_grants_something_becomes_an_item_and_is_counted() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        invite(&world, &ada, EVE, plain).await.expect("invite");
        let unit = unit(&world, &ada, "North").await;
        let manager = may::<rights::UnitsManage>(&world, &ada).await;
        let target = (Some(unit.as_str()), None);
        members::grant_reach(&manager, world.accounts(), &grace.id(), target, &here(), world.now).await.expect("reach");

        let id = review(&world, &ada).await;
        let found = campaign(&world, &ada, id).await.found;
        let counted: Vec<_> =
            found.sources.iter().map(|source| (source.kind.as_str(), source.grants, source.items)).collect();
        let wanted = [("membership", 2, 2), ("help", 0, 0), ("reach", 1, 1), ("invitation", 1, 1), ("token", 0, 0)];
        assert_eq!(counted, wanted, "{mode}");
        let kinds: Vec<Kind> = items(&world, &ada, id).await.iter().map(|item| item.kind).collect();
        assert_eq!(kinds, [Kind::Membership, Kind::Membership, Kind::Reach, Kind::Invitation], "{mode}");
    }
}

#[tokio::test]
async fn who_gave_a_membership_and_a_reach_and_when_stands_beside_it() {
    for (mode, plain) in MODES {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let joined = world.now;
        world.now += Duration::MINUTE;
        let unit = unit(&world, &ada, "North").await;
        let manager = may::<rights::UnitsManage>(&world, &ada).await;
        let target = (Some(unit.as_str()), None);
        members::grant_reach(&manager, world.accounts(), &grace.id(), target, &here(), world.now).await.expect("reach");
        let id = review(&world, &ada).await;
        let mut given = Vec::new();
        for item in items(&world, &ada, id).await.iter().filter(|item| item.account == Some(grace.account.0)) {
            given.push((item.kind, item.granted_by.clone(), item.granted_at));
        }
        let by = Some("Ada Lovelace".to_owned());
        let wanted = [(Kind::Membership, by.clone(), joined), (Kind::Reach, by.clone(), world.now)];
        assert_eq!(given, wanted, "{mode}");
        assert_eq!(item_of(&world, &ada, id, &ada).await.granted_by, by, "{mode}: whoever made it");
    }
}

#[tokio::test]
async fn whoever_changes_a_role_gave_it_by_hand_or_in_a_review() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    role(&world, &ada, "Visitor", "organisation_read").await;
    role(&world, &ada, "Clerk", "organisation_read members_read").await;
    let eve = joins_as(&world, &ada, EVE, "Employee", "Eve").await;
    world.now += Duration::MINUTE;
    let manager = may::<rights::MembersManage>(&world, &ada).await;
    members::change_role(&manager, world.accounts(), &eve.id(), "Clerk", &here(), world.now).await.expect("role");
    let first = review(&world, &ada).await;
    let item = item_of(&world, &ada, first, &eve).await;
    assert_eq!((item.granted_by.as_deref(), item.granted_at), (Some("Ada Lovelace"), world.now));
    world.now += Duration::MINUTE;
    decide(&world, &ada, item.id, "change", Some("Visitor"), None).await.expect("change");
    let again = open(&world, &ada, &Form { name: "Again", due: DUE, ..Form::default() }).await.expect("open");
    assert_eq!(item_of(&world, &ada, again, &eve).await.granted_at, world.now);
}

#[tokio::test]
async fn whoever_gave_it_and_is_not_known_any_more_is_a_former_person() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let database = world.behind().await;
    let sql = "update membership set granted_by = $1 where account_id = $2";
    let values = vec![Uuid::now_v7().into(), grace.account.0.into()];
    database.execute_raw(statement(&database, sql, values)).await.expect("somebody who is gone");
    let first = review(&world, &ada).await;
    let by = item_of(&world, &ada, first, &grace).await.granted_by;
    assert!(by.as_deref().is_some_and(|by| by.starts_with("Former person ")), "{by:?}");
    let sql = "update membership set granted_by = null, granted_at_ms = null where account_id = $1";
    database.execute_raw(statement(&database, sql, vec![grace.account.0.into()])).await.expect("nobody");
    let before = open(&world, &ada, &Form { name: "Before", due: DUE, ..Form::default() }).await.expect("open");
    let item = item_of(&world, &ada, before, &grace).await;
    assert_eq!((item.granted_by, item.granted_at), (None, world.now), "as it was before anybody wrote it down");
}

#[tokio::test]
async fn an_account_that_is_gone_is_an_item_and_recommended_to_go() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let database = world.behind().await;
    let sql = "update account set disabled_at_ms = 1 where id = $1";
    database.execute_raw(statement(&database, sql, vec![grace.account.0.into()])).await.expect("disabled");
    let id = review(&world, &ada).await;
    let item = item_of(&world, &ada, id, &grace).await;
    assert!(item.orphaned);
    assert_eq!(item.reason, Reason::Orphaned);
}

#[tokio::test]
async fn whoever_was_not_seen_for_ninety_days_is_recommended_to_go() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    world.now += Duration::days(91);
    let ada = ada.again(&world).await;
    let due = "2027-03-30";
    let id = open(&world, &ada, &Form { name: "Unused", scope: "unused", due, ..Form::default() }).await.expect("open");
    let found = items(&world, &ada, id).await;
    assert_eq!(
        found.iter().map(|item| (item.account, item.reason)).collect::<Vec<_>>(),
        [(Some(grace.account.0), Reason::Unused)]
    );
}

#[tokio::test]
async fn a_review_needs_a_name_a_day_to_come_and_reviewers_who_may_decide() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    joins(&world, &ada, GRACE, "Employee").await;
    let good = Form { name: "Yearly", due: DUE, ..Form::default() };
    let grace = [vec![GRACE]];
    for (form, field) in [
        (Form { name: " ", ..good.clone() }, "name"),
        (Form { due: "soon", ..good.clone() }, "due"),
        (Form { due: "2026-11-20", ..good.clone() }, "due"),
        (Form { scope: "role:Nobody", ..good.clone() }, "scope"),
        (Form { silence: "maybe", ..good.clone() }, "silence"),
        (Form { reviewers: &grace, ..good.clone() }, "reviewer"),
        (Form { fallback: Some(EVE), ..good.clone() }, "fallback"),
    ] {
        let refused = open(&world, &ada, &form).await;
        assert!(matches!(&refused, Err(Refusal::Field(blamed, _)) if *blamed == field), "{field}: {refused:?}");
    }
}

async fn preview(world: &World, by: &Somebody, form: &Form<'_>) -> Result<Preview, Refusal> {
    let manager = may::<rights::ReviewsManage>(world, by).await;
    reviews::preview(&manager, world.accounts(), form, &here(), world.now).await
}

#[tokio::test]
async fn a_preview_says_what_a_review_would_be_and_leaves_nothing_behind() {
    for (mode, plain) in MODES {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        joins(&world, &ada, GRACE, plain).await;
        invite(&world, &ada, EVE, plain).await.expect("invite");
        world.now += Duration::days(91);
        let ada = ada.again(&world).await;
        let before = crate::entries::Log::read(&world, ada.tenant).await;
        let due = "2027-03-30";
        let form = Form { name: "Looked at", due, silence: "recommended", ..Form::default() };
        let seen = preview(&world, &ada, &form).await.expect("preview");
        // Ada was here today; Grace was not for 91 days, and nobody answered the invitation.
        assert_eq!((seen.people, seen.found.items(), seen.reviewers, seen.privileged), (2, 3, 1, 1), "{mode}");
        assert_eq!((seen.silence_keeps, seen.silence_revokes, seen.undecidable), (1, 2, 1), "{mode}");
        for (silence, wanted) in [("keep", (3, 0)), ("revoke", (0, 3))] {
            let seen = preview(&world, &ada, &Form { silence, ..form.clone() }).await.expect("preview");
            assert_eq!((seen.silence_keeps, seen.silence_revokes), wanted, "{mode} {silence}");
        }
        let unused = preview(&world, &ada, &Form { scope: "unused", ..form.clone() }).await.expect("preview");
        assert_eq!((unused.people, unused.found.items(), unused.found.grants()), (1, 2, 3), "{mode}");
        let refused = preview(&world, &ada, &Form { due: "soon", ..form.clone() }).await;
        assert!(matches!(refused, Err(Refusal::Field("due", _))), "{mode}: {refused:?}");

        let reader = may::<rights::ReviewsRead>(&world, &ada).await;
        assert!(reviews::campaigns(&reader, world.accounts(), world.now).await.expect("reviews").is_empty(), "{mode}");
        assert_eq!(crate::entries::Log::read(&world, ada.tenant).await.rows.len(), before.rows.len(), "{mode}");
        assert!(world.letters().await.iter().all(|(_, text)| !text.contains("Looked at")), "{mode}");
        let id = open(&world, &ada, &form).await.expect("open");
        assert_eq!(campaign(&world, &ada, id).await.found, seen.found, "{mode}");
    }
}

#[tokio::test]
async fn a_draft_that_lay_until_after_its_last_day_begins_with_another() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let form = Form { name: "Later", due: DUE, draft: true, ..Form::default() };
    let id = open(&world, &ada, &form).await.expect("a draft");
    world.now = campaign(&world, &ada, id).await.due + Duration::DAY;
    let ada = ada.again(&world).await;
    let manager = may::<rights::ReviewsManage>(&world, &ada).await;
    let text = id.to_string();
    let begin =
        async |due: Option<&str>| reviews::start(&manager, world.accounts(), (&text, due), &here(), world.now).await;
    for due in [None, Some(DUE), Some("soon")] {
        let refused = begin(due).await;
        assert!(matches!(refused, Err(Refusal::Field("due", _))), "{due:?}: {refused:?}");
    }
    begin(Some("2027-01-31")).await.expect("begins");
    let begun = campaign(&world, &ada, id).await;
    assert_eq!((begun.status, begun.due.date().to_string().as_str()), (Status::Open, "2027-01-31"));
}
