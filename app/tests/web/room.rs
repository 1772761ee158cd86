//! A full disk: what it means is said, nothing is half saved, and nobody is sent to this instance as long as it lasts.

use server::guard::Where;

use crate::common::{get, status};
use crate::registers::{Desk, desk, told};

/// The next unit does not fit. The words are those of the database itself.
async fn fill(desk: &Desk) {
    let world = &desk.served.world;
    match world.place {
        Where::Embedded(_) => {
            let full = "create trigger full_disk before insert on unit begin select raise(abort, 'database or disk is full'); end";
            world.tamper(full).await;
        }
        Where::Postgres { .. } => {
            let full = "create function full_disk() returns trigger language plpgsql as $$ begin raise exception 'could not extend file \"base/1/2\": No space left on device' using errcode = '53100'; end $$";
            world.tamper(full).await;
            world
                .tamper("create trigger full_disk before insert on unit for each row execute function full_disk()")
                .await;
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_on_the_disk_is_said_as_such_and_the_instance_is_not_ready() {
    let mut desk = desk().await;
    desk.served.site.look().await;
    assert_eq!(status(&get(desk.served.address, "/readyz", "").await), 200);
    fill(&desk).await;
    let refused = desk.browser.send("/account", "/api/o/ours/create-unit", &[("name", "North")]).await;
    assert_eq!(status(&refused), 507, "{refused}");
    let said = told(&refused);
    assert!(said["detail"].as_str().is_some_and(|said| said.contains("is full, so nothing was saved")), "{refused}");
    assert!(refused.contains("retry-after: ") && !refused.contains("locked"), "{refused}");
    let page = desk.browser.form("/o/ours/units", "/api/o/ours/create-unit", &[("name", "North")]).await;
    assert!(status(&page) == 507 && page.contains("There is no room left"), "{page}");
    let ready = get(desk.served.address, "/readyz", "").await;
    assert!(status(&ready) == 503 && ready.contains("not ready: storage"), "{ready}");
    assert_eq!(status(&get(desk.served.address, "/healthz", "").await), 200);
}
