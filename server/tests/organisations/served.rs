//! Data is of one profile.

use server::served::{self, ServedError};
use server::testing::profile;

use crate::common::*;

#[tokio::test]
async fn the_first_start_writes_the_profile_down_and_another_one_is_refused_with_both_ways_out() {
    let world = world("aertous").await;
    let (ours, other) = (profile("aertous", &[]), profile("stratuslog", &[]));
    served::refuse_another(&world.place, &other).await.expect("nothing is written down yet");
    served::take(&world.operator(), &ours, world.now).await.expect("the first start");
    assert_eq!(served::recorded(&world.operator()).await.expect("a record").as_deref(), Some("aertous"));
    served::refuse_another(&world.place, &ours).await.expect("the same again");
    for refused in
        [served::refuse_another(&world.place, &other).await, served::take(&world.operator(), &other, world.now).await]
    {
        let said = refused.expect_err("another profile").to_string();
        for words in ["of the profile aertous, not of stratuslog", "--profile", "--data", "avouch profile adopt"] {
            assert!(said.contains(words) && !said.contains('\n'), "{said}");
        }
    }
}

#[tokio::test]
async fn data_from_before_the_record_is_refused_to_a_profile_that_does_not_know_peoples_roles() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let other = profile("stratuslog", &[]);
    let refused = served::take(&world.operator(), &other, world.now).await;
    assert!(
        matches!(&refused, Err(ServedError::UnknownRole { organisation, .. }) if *organisation == ada.slug),
        "{refused:?}"
    );
    served::take(&world.operator(), &world.profile, world.now).await.expect("its own profile");
}

#[tokio::test]
async fn data_that_another_profile_was_published_from_is_not_taken_even_when_nobody_belongs_to_anything() {
    let world = world("aertous").await;
    world.observe().await;
    let refused = served::take(&world.operator(), &profile("stratuslog", &[]), world.now).await;
    assert!(matches!(&refused, Err(ServedError::Another { recorded, .. }) if recorded == "aertous"), "{refused:?}");
}

#[tokio::test]
async fn a_profile_is_changed_on_purpose_and_only_when_it_knows_every_role_that_somebody_has() {
    let world = world("aertous").await;
    served::take(&world.operator(), &world.profile, world.now).await.expect("the first start");
    let renamed = profile("aertous", &[("id = \"aertous\"", "id = \"aertous-two\"")]);
    let before = served::adopt(&world.operator(), &renamed, world.now).await.expect("on purpose");
    assert_eq!(before.as_deref(), Some("aertous"));
    served::refuse_another(&world.place, &renamed).await.expect("it is of the new one now");
    ada(&world).await;
    let refused = served::adopt(&world.operator(), &profile("stratuslog", &[]), world.now).await;
    assert!(matches!(refused, Err(ServedError::UnknownRole { .. })), "{refused:?}");
    assert_eq!(served::recorded(&world.operator()).await.expect("a record").as_deref(), Some("aertous-two"));
}

#[tokio::test]
async fn a_profile_that_keeps_organisations_in_databases_of_their_own_does_not_adopt_shared_ones() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let apart = profile("aertous", &[("isolation = \"scoped\"", "isolation = \"dedicated\"")]);
    let refused = served::adopt(&world.operator(), &apart, world.now).await;
    assert!(
        matches!(&refused, Err(ServedError::LiesElsewhere { organisation, .. }) if *organisation == ada.slug),
        "{refused:?}"
    );
}
