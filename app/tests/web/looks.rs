//! The looks at organisations on the real server: each holds in the profiles that make its claim, and leaves nothing behind.

use server::controls::run::look;
use server::controls::{Check, Seen};
use server::guard::Where;
use server::jobs;
use server::organisations::upkeep;
use server::staged::take_filter_away;

use crate::common::{of_profile, served};
use server::controls::Mode;
use server::testing::{World, profile};

const CONTROLS: &[&str] = &[
    "rbac",
    "isolation-scoped",
    "isolation-row-level",
    "isolation-dedicated",
    "mfa-reset",
    "offboarding",
    "audit-chain",
    "operator-seats",
    "billing",
    "retention",
    "identity",
    "sealed-storage",
];

async fn all_hold(name: &str) {
    let served = of_profile(profile(name, &[])).await;
    let embedded = matches!(served.world.place, Where::Embedded(_));
    let wanted = jobs::wanted(&served.instance);
    // As the server does when it starts.
    let now = time::OffsetDateTime::now_utc();
    upkeep::all(&served.instance.operator, &served.instance.accounts, now).await.expect("upkeep");
    for check in Check::ALL.iter().filter(|check| CONTROLS.contains(&check.about().control)) {
        // Looked at on the clock that the server serves by.
        let seen = look(*check, &served.instance).await.seen;
        let held = matches!(seen, Seen::Upheld(_));
        let cannot = matches!(seen, Seen::Unavailable(_));
        // Row security is not to be had on SQLite, and the key of a test stands in memory.
        let may_not = !wanted.contains(check) || (embedded && check.about().control == "isolation-row-level");
        assert!(held || (cannot && may_not), "{name}, {}: {seen:?}", check.path());
    }
    for kind in ["probe", "probe-op"] {
        assert!(served.world.accounts_of_kind(kind).await.is_empty(), "{name}: the stand-ins are gone");
    }
    assert!(served.world.letters_at(time::OffsetDateTime::now_utc()).await.is_empty(), "{name}: nobody was written to");
}

#[tokio::test]
async fn the_looks_at_organisations_hold_in_aertous() {
    all_hold("aertous").await;
}

#[tokio::test]
async fn the_looks_at_organisations_hold_in_stack_aero() {
    all_hold("stack-aero").await;
}

#[tokio::test]
async fn the_looks_at_organisations_hold_in_stratuslog() {
    all_hold("stratuslog").await;
}

/// A role that has what the profile does not give it.
#[tokio::test]
async fn a_server_whose_roles_differ_from_the_published_ones_is_found() {
    let wide = profile(
        "stratuslog",
        &[(
            "grants = [\"organisation_read\", \"records_read\", \"records_write\"]",
            "grants = [\"organisation_read\", \"members_read\", \"audit_read\", \"records_read\", \"records_write\"]",
        )],
    );
    let mut served = served(World::with(wide).await, Mode::Plain, None, "").await;
    served.instance.profile = profile("stratuslog", &[]);
    let check = Check::find("rbac", "matrix").expect("the check");
    let seen = look(check, &served.instance).await.seen;
    assert!(matches!(seen, Seen::Failing(_)), "{seen:?}");
}

/// The sweep over a server that has lost one table's filter. Each of these tests has a process of its own.
async fn sweep_without(table: &'static str) -> Option<String> {
    let served = of_profile(profile("aertous", &[])).await;
    let check = Check::find("isolation-scoped", "sweep").expect("the check");
    assert!(matches!(look(check, &served.instance).await.seen, Seen::Upheld(_)));
    take_filter_away(table);
    match look(check, &served.instance).await.seen {
        Seen::Failing(said) => Some(said),
        Seen::Upheld(_) | Seen::Unavailable(_) => None,
    }
}

#[tokio::test]
async fn a_unit_without_its_filter_is_found_with_the_name_of_the_route() {
    let said = sweep_without("unit").await.expect("a failing");
    assert!(said.contains("invite-member") || said.contains("/o/{slug}/"), "{said}");
}

#[tokio::test]
async fn a_membership_without_its_filter_is_found_with_the_name_of_the_route() {
    let said = sweep_without("membership").await.expect("a failing");
    assert!(said.contains("member"), "{said}");
}
