//! Whoever is no longer in the keyring is gone from every copy.

use contract::standing::Standing;
use sea_orm::ConnectionTrait;
use server::backups::keyring::Keyring;
use server::backups::{Destination, drill, keys_changed, restore};
use server::clock::Clock;
use server::identity::Accounts;
use server::organisations::standing;
use server::retention;
use server::retention::holds::{self, Form};
use time::Duration;

use crate::common::*;
use crate::place::{restored, taken};

#[tokio::test]
async fn an_organisation_whose_key_was_destroyed_cannot_be_read_from_an_old_backup() {
    let world = world("aertous").await;
    let (ada, eve) = (ada(&world).await, founder(&world, EVE, "Rival Engines").await);
    let old = taken(&world).await;
    world.tamper(&format!("delete from data_key where owner = 'organisation/{}'", eve.tenant.0)).await;
    let told = keys_changed(&world.operator(), &world.backups(), world.now).await.expect("keys");
    assert_eq!((told.written.len(), told.unreached.len()), (1, 0));

    let (place, _) = restored(&world, &old).await;
    let (operator, vault) = place.open(&world).await;
    let sealed = server::testing::newest_entry_opens(&operator, &vault, ada.tenant).await;
    assert_eq!(sealed, Some(true), "whose key is there is readable");
    let destination = Destination::folder(&world.elsewhere()).expect("folder");
    let ring = Keyring::at(&destination, &world.backups().key, "test").await.expect("keyring");
    assert!(ring.has(ada.tenant) && !ring.has(eve.tenant));
    let accounts = Accounts { vault: vault.clone(), ..world.accounts().clone() };
    assert_eq!(restore::begin_again(&operator, &accounts, "old.backup", world.now).await.expect("it begins again"), 1);
    assert_eq!(server::testing::newest_entry_opens(&operator, &vault, eve.tenant).await, None, "nothing is left");
}

/// Of it only a held record is left by now, under a key that the copy's records never had.
#[tokio::test]
async fn an_organisation_that_was_reduced_to_what_is_held_cannot_be_read_from_a_backup_of_before_but_from_one_of_after()
{
    let mut world = world("aertous").await;
    let (ada, eve) = (ada(&world).await, founder(&world, EVE, "Rival Engines").await);
    let (_, held) = world.stage_record(eve.tenant, eve.account.0, "Kept").await;
    let subject = held.to_string();
    let form = Form { kind: "record", subject: Some(&subject), basis: "a law", scope: "a record", until: "2027-12-31" };
    holds::place_by_operator(&world.operator(), world.accounts(), &eve.slug, &form, world.now).await.expect("a hold");
    let (operator, accounts) = (world.operator(), world.accounts());
    standing::set(&operator, accounts, &eve.slug, Standing::Cancelled, world.now).await.expect("cancelled");
    let old = taken(&world).await;
    world.now += Duration::days(90);
    let round = retention::due(&world.operator(), world.accounts(), world.now).await.expect("a round");
    assert_eq!((round.reduced, round.broken), (1, 0));
    keys_changed(&world.operator(), &world.backups(), world.now).await.expect("keys");

    let (place, _) = restored(&world, &old).await;
    let (operator, vault) = place.open(&world).await;
    assert_eq!(server::testing::newest_entry_opens(&operator, &vault, eve.tenant).await, Some(false));
    let accounts = Accounts { vault: vault.clone(), ..world.accounts().clone() };
    assert_eq!(restore::begin_again(&operator, &accounts, "old.backup", world.now).await.expect("it begins again"), 1);
    assert_eq!(server::testing::newest_entry_opens(&operator, &vault, eve.tenant).await, None, "nothing is left");
    assert_eq!(server::testing::newest_entry_opens(&operator, &vault, ada.tenant).await, Some(true));

    // A drill of the copy from before asks for nothing that nobody can open.
    let clock = Clock::Fixed(world.now);
    drill::drill(&world.operator(), &world.backups(), &world.vault, &clock).await.expect("a drill");
    let (place, _) = restored(&world, &taken(&world).await).await;
    let (operator, vault) = place.open(&world).await;
    assert_eq!(server::testing::newest_entry_opens(&operator, &vault, eve.tenant).await, Some(true));
}

#[tokio::test]
async fn no_data_key_stands_in_the_database_of_a_copy() {
    let world = world("aertous").await;
    ada(&world).await;
    let wrapped: Vec<Vec<u8>> = {
        let behind = world.behind().await;
        let rows = behind.query_all_raw(statement(&behind, "select wrapped from data_key", Vec::new())).await;
        rows.expect("keys").iter().map(|row| row.try_get_by_index(0).expect("bytes")).collect()
    };
    let file = taken(&world).await;
    let unpacked = server::testing::unpacked(&world.backups(), &file);
    assert!(wrapped.len() >= 4 && unpacked.len() > 10_000);
    for key in wrapped {
        let hexadecimal = server::crypto::hex(&key);
        let found = |needle: &[u8]| unpacked.windows(needle.len()).any(|window| window == needle);
        assert!(!found(&key) && !found(hexadecimal.as_bytes()));
    }
}

#[tokio::test]
async fn a_destination_that_cannot_be_reached_is_told_and_gets_the_keyring_later() {
    let world = world("aertous").await;
    ada(&world).await;
    taken(&world).await;
    let (there, away) = (world.elsewhere(), world.elsewhere().with_extension("away"));
    std::fs::rename(&there, &away).expect("away");
    std::fs::write(&there, "in the way").expect("a file in its place");
    founder(&world, EVE, "Rival Engines").await;
    let told = keys_changed(&world.operator(), &world.backups(), world.now).await.expect("keys");
    assert_eq!((told.written.len(), told.unreached.len()), (0, 1), "{told:?}");
    std::fs::remove_file(&there).expect("out of the way");
    std::fs::rename(&away, &there).expect("back");
    let told = keys_changed(&world.operator(), &world.backups(), world.now).await.expect("keys");
    assert_eq!((told.written.len(), told.unreached.len()), (1, 0), "{told:?}");
}
