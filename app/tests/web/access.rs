//! The access table over a real socket: every page and endpoint, for every role of every profile, from every stage, standing and relation.

use std::collections::BTreeSet;

use contract::access::{ENDPOINTS, PAGES, Page, Stage, Who};
use contract::permission::{Effect, Permission};
use contract::standing::Standing;
use server::staged::Insider;
use server::testing::profile;

use crate::common::{Browser, of_profile, status};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Member,
    /// Was one; the session is still there.
    Left,
    /// Of another organisation.
    Stranger,
}

struct Cell {
    stage: Stage,
    standing: Standing,
    relation: Relation,
}

const CELLS: &[Cell] = &[
    Cell { stage: Stage::SignedOut, standing: Standing::Active, relation: Relation::Member },
    Cell { stage: Stage::PasswordGiven, standing: Standing::Active, relation: Relation::Member },
    Cell { stage: Stage::Enrolling, standing: Standing::Active, relation: Relation::Member },
    Cell { stage: Stage::Complete, standing: Standing::Active, relation: Relation::Member },
    Cell { stage: Stage::SteppedUp, standing: Standing::Trialing, relation: Relation::Member },
    Cell { stage: Stage::SteppedUp, standing: Standing::PastDue, relation: Relation::Member },
    Cell { stage: Stage::SteppedUp, standing: Standing::Lapsed, relation: Relation::Member },
    Cell { stage: Stage::SteppedUp, standing: Standing::Cancelled, relation: Relation::Member },
    Cell { stage: Stage::SteppedUp, standing: Standing::Active, relation: Relation::Left },
    Cell { stage: Stage::SteppedUp, standing: Standing::Active, relation: Relation::Stranger },
];

/// Status and the problem's kind, as the table says them: written out here, not asked of the program.
fn wanted(who: Who, grants: &BTreeSet<Permission>, cell: &Cell, changes: bool) -> (u16, &'static str) {
    if let Err(needs) = who.admits(cell.stage) {
        return (
            401,
            match needs {
                contract::access::Needs::SignIn => "sign-in",
                contract::access::Needs::SecondFactor => "second-factor",
                contract::access::Needs::Enrol => "enrol",
                contract::access::Needs::StepUp => "step-up",
            },
        );
    }
    let let_in = if changes { (403, "forged") } else { (200, "") };
    match who {
        Who::Operator => (404, "not-found"),
        Who::Member(_) if cell.relation != Relation::Member => (404, "not-found"),
        // What is cancelled is closed: nobody sees it, whatever their role, except to restore it or to take everything along.
        Who::Member(permission) if cell.standing == Standing::Cancelled && permission.effect() != Effect::Settle => {
            (410, "gone")
        }
        Who::Member(permission) if !grants.contains(&permission) => (403, "forbidden"),
        Who::Member(permission) if changes => {
            let lapsed = cell.standing == Standing::Lapsed;
            let fresh = matches!(
                permission,
                Permission::MfaReset
                    | Permission::OrganisationManage
                    | Permission::HelpGrant
                    | Permission::ExportCreate
            );
            match (lapsed && permission.effect() == Effect::Change, fresh && cell.stage != Stage::SteppedUp) {
                (true, _) => (402, "lapsed"),
                (false, true) => (401, "step-up"),
                (false, false) => let_in,
            }
        }
        Who::Everyone
        | Who::AnySession
        | Who::CodeHolder
        | Who::Enroller
        | Who::SignedIn
        | Who::Fresh
        | Who::Member(_) => let_in,
    }
}

/// A record of our own organisation, by its register and id, and a file on it.
type Record = (String, uuid::Uuid, uuid::Uuid);

async fn check_all(
    browser: &mut Browser,
    (slug, (register, record, file), framework): (&str, &Record, Option<&str>),
    own: &Insider,
    grants: &BTreeSet<Permission>,
    cell: &Cell,
    who: &str,
) {
    let fill = |path: &str| {
        path.replace("{slug}", slug)
            .replace("{member}", &own.account.to_string())
            .replace("{register}", register)
            .replace("{record}", &record.to_string())
            .replace("{file}", &file.to_string())
            .replace("{framework}", framework.unwrap_or("none"))
    };
    // Where no catalogue is loaded there is no page of one.
    let there = |path: &str| framework.is_some() || !path.contains("{framework}");
    // The code page is for whoever still has to give one; to others it is no page but a way on.
    for row in PAGES.iter().filter(|row| row.who != Who::Everyone && row.page != Page::Code && there(row.path)) {
        let answer = browser.get(&fill(row.path), "accept: application/json\r\n").await;
        let (code, kind) = wanted(row.who, grants, cell, false);
        // Nobody has made the one that the address names; and taking everything along needs a fresh factor first.
        let fresh =
            row.who == Who::Member(Permission::ExportCreate) || row.who == Who::Fresh || row.page == Page::AccountCopy;
        let (code, kind) = match (row.names_one() && code == 200, fresh && cell.stage != Stage::SteppedUp) {
            (true, false) => (404, "not-found"),
            (true, true) => (401, "step-up"),
            (false, _) => (code, kind),
        };
        assert_eq!(status(&answer), code, "{who} on {}: {answer}", row.path);
        assert!(code == 200 || answer.contains(kind), "{who} on {}: {answer}", row.path);
    }
    for row in ENDPOINTS {
        let answer = browser.forged(&fill(row.path), "application/json", "", "{}").await;
        let (code, kind) = wanted(row.who, grants, cell, true);
        let told = answer.contains(&format!("urn:avouch:problem:{kind}\""));
        assert!(status(&answer) == code && told, "{who} on {} wants {code} {kind}: {answer}", row.path);
    }
}

async fn whole_table(name: &str) {
    let profile = profile(
        name,
        &[
            ("reads_per_minute = 600", "reads_per_minute = 600000"),
            ("changes_per_minute = 120", "changes_per_minute = 120000"),
        ],
    );
    let served = of_profile(profile).await;
    let mut world = served.world;
    world.now = time::OffsetDateTime::now_utc();
    let ours = world.stage_organisation("ours", "Ours", Standing::Active).await;
    let theirs = world.stage_organisation("theirs", "Theirs", Standing::Active).await;
    let keeper = world.stage_person(None, Stage::Complete).await;
    let (register, record) = world.stage_record(ours.tenant, keeper.account, "Ours").await;
    let file = world.stage_file(ours.tenant, keeper.account, record).await;
    let record = (register, record, file);
    let framework = world.profile.frameworks.first().map(|framework| framework.id.clone());
    for (role, known) in world.profile.roles.clone() {
        for cell in CELLS {
            // Somebody who need not have a second factor is all the way in without one.
            let enrolling = cell.stage == Stage::Enrolling;
            if enrolling && !world.profile.demands_factor([role.as_str()]) {
                continue;
            }
            let at = if cell.relation == Relation::Stranger { &theirs } else { &ours };
            let person = world.stage_person(Some((at, &role)), cell.stage).await;
            world.stage_standing(&ours, cell.standing).await;
            if cell.relation == Relation::Left {
                world.stage_leaving(&ours, &person).await;
            }
            let mut browser = Browser::new(served.address);
            if cell.stage != Stage::SignedOut {
                browser.sign_in_with(&person.session);
            }
            let who = format!("{name}: {role}, {:?}, {:?}, {:?}", cell.stage, cell.standing, cell.relation);
            check_all(&mut browser, ("ours", &record, framework.as_deref()), &person, &known.grants, cell, &who).await;
        }
    }
}

#[tokio::test]
async fn every_role_of_aertous_gets_what_the_table_says() {
    whole_table("aertous").await;
}

#[tokio::test]
async fn every_role_of_stack_aero_gets_what_the_table_says() {
    whole_table("stack-aero").await;
}

#[tokio::test]
async fn every_role_of_stratuslog_gets_what_the_table_says() {
    whole_table("stratuslog").await;
}
