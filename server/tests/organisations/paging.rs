//! A long list of members, page by page.

use std::collections::BTreeSet;

use server::guard::{Allowed, rights};
use server::identity::Refusal;
use server::organisations::members::{self, Member, Query, Sort};
use server::testing::World;

use crate::common::*;

const SORTS: [Sort; 3] = [Sort::Joined, Sort::Role, Sort::Seen];

async fn pages(reader: &Allowed<rights::MembersRead>, world: &World, query: &Query) -> Vec<Vec<Member>> {
    let (mut query, mut pages) = (query.clone(), Vec::new());
    loop {
        let listed = members::list(reader, world.accounts(), &query).await.expect("a page");
        pages.push(listed.members);
        let Some(next) = listed.next else { return pages };
        assert!(pages.len() < 10, "the list does not end");
        query.after = Some(next);
    }
}

/// Ada and 120 others.
async fn crowded(mode: &str, plain: &str) -> (World, Allowed<rights::MembersRead>) {
    let world = world(mode).await;
    let (ada, first) = (ada(&world).await, world.profile.policy.sign_up.first_role.clone());
    world.crowd(ada.tenant, 120, &[plain, &first, plain]).await;
    let reader = may::<rights::MembersRead>(&world, &ada).await;
    (world, reader)
}

#[tokio::test]
async fn pages_of_fifty_have_everybody_once_whatever_the_sort_and_the_filter() {
    for (mode, plain) in MODES {
        let (world, reader) = crowded(mode, plain).await;
        let text = |text: &str| Some(text.to_owned());
        for sort in SORTS {
            for (role, factor, wanted) in [
                (None, None, vec![50, 50, 21]),
                (text(plain), None, vec![50, 30]),
                (None, text("yes"), vec![41]),
                (None, text("no"), vec![50, 30]),
                (text(plain), text("no"), vec![40]),
                (text("No such role"), None, vec![0]),
            ] {
                let query = Query { role, factor, sort, ..Query::default() };
                let found = pages(&reader, &world, &query).await;
                assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), wanted, "{mode}: {query:?}");
                let people: BTreeSet<_> = found.iter().flatten().map(|member| member.account).collect();
                assert_eq!(people.len(), wanted.iter().sum::<usize>(), "{mode}: {query:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_goes_on_where_the_one_before_ended() {
    let (world, reader) = crowded("aertous", "Employee").await;
    for sort in SORTS {
        let all: Vec<Member> =
            pages(&reader, &world, &Query { sort, ..Query::default() }).await.into_iter().flatten().collect();
        let in_order = all.windows(2).all(|two| match sort {
            Sort::Joined => two[0].since <= two[1].since,
            Sort::Role => two[0].role <= two[1].role,
            Sort::Seen => two[0].seen >= two[1].seen,
        });
        assert!(in_order, "{sort:?}");
    }
}

#[tokio::test]
async fn a_member_is_found_by_the_whole_address_and_by_nothing_less() {
    let (world, reader) = crowded("aertous", "Employee").await;
    for (address, found) in [
        ("crowd-7@acme.example", 1),
        ("CROWD-7@acme.example", 1),
        ("crowd-7", 0),
        ("crowd-%@acme.example", 0),
        ("nobody@acme.example", 0),
    ] {
        let query = Query { address: Some(address.to_owned()), ..Query::default() };
        assert_eq!(pages(&reader, &world, &query).await.concat().len(), found, "{address}");
    }
}

#[tokio::test]
async fn what_is_no_place_in_the_list_is_refused() {
    let (world, reader) = crowded("aertous", "Employee").await;
    let id = uuid::Uuid::now_v7().simple().to_string();
    for sort in SORTS {
        for after in ["", "~", "nonsense", "~5", "nonsense~5", &id] {
            let query = Query { sort, after: Some(after.to_owned()), ..Query::default() };
            let refused = members::list(&reader, world.accounts(), &query).await;
            assert!(matches!(refused, Err(Refusal::Field("after", _))), "{sort:?} {after:?}: {refused:?}");
        }
    }
    for sort in [Sort::Joined, Sort::Seen] {
        let query = Query { sort, after: Some(format!("{id}~soon")), ..Query::default() };
        let refused = members::list(&reader, world.accounts(), &query).await;
        assert!(matches!(refused, Err(Refusal::Field("after", _))), "{sort:?}: {refused:?}");
    }
}
