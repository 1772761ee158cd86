//! Components and their recovery objectives.

use server::backups::components::{self, Form};
use server::identity::Refusal;
use server::profile::{Source, check};
use server::testing::START;

use crate::common::*;

#[tokio::test]
async fn a_critical_component_cannot_be_saved_without_both_objectives() {
    let world = world("aertous").await;
    for (rto_hours, rpo_hours, blamed) in
        [("", "24", "rto_hours"), ("4", "", "rpo_hours"), ("soon", "24", "rto_hours"), ("4", "0", "rpo_hours")]
    {
        let form = Form { name: "Payments", critical: true, rto_hours, rpo_hours };
        let refused = components::save(&world.operator(), form, world.now).await;
        assert!(matches!(&refused, Err(Refusal::Field(field, _)) if *field == blamed), "{refused:?}");
    }
    let form = Form { name: "Payments", critical: true, rto_hours: "4", rpo_hours: "24" };
    components::save(&world.operator(), form, world.now).await.expect("both are there");
    let all = components::all(&world.visitor(), &world.profile).await.expect("all");
    assert!(all.iter().any(|one| one.id == "payments" && one.critical && one.rto_hours == Some(4)), "{all:?}");
}

#[test]
fn a_profile_with_a_critical_component_that_lacks_an_objective_is_refused_with_its_place() {
    let source = Source::named("stack-aero").expect("shipped");
    let text = source.text().expect("text").replacen("rto_hours = 4\n", "", 1);
    let checked = check(&source, &text, START.date());
    let line = text.lines().position(|line| line == "critical = true").expect("the line") + 1;
    let said: Vec<String> = checked.errors.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|said| said.starts_with(&format!("{line}:")) && said.contains("rto_hours")), "{said:?}");
}

#[test]
fn an_objective_that_the_backups_cannot_keep_is_refused() {
    let source = Source::named("aertous").expect("shipped");
    let text = source.text().expect("text").replacen("rpo_hours = 26", "rpo_hours = 12", 1);
    let said: Vec<String> = check(&source, &text, START.date()).errors.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|said| said.contains("below every_hours")), "{said:?}");
}
