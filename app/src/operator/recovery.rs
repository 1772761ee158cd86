//! Backups, drills, and the components with their objectives, as the vendor's staff see them.

use contract::access::Act;
use contract::problem::Problem;
use leptos::prelude::*;
use server::backups::components::{self, Component, Form};
use server::backups::receipts::{self, span};
use server::guard::Staff;
use server::problem::internal;

use crate::http::fields::Fields;
use crate::http::people::{Done, Typed};
use crate::http::visit::Visit;
use crate::organisation::frame::{badge, when};
use crate::ui::form::{form, sentence};
use crate::ui::list::{empty, table};

/// How many of each are shown.
const SHOWN: u64 = 5;

pub async fn section(visit: &Visit, staff: &Staff, typed: &Typed) -> Result<AnyView, Problem> {
    let visitor = staff.operator().visitor();
    let backups = receipts::backups(&visitor, SHOWN).await.map_err(|cause| internal(&cause))?;
    let drills = receipts::drills(&visitor, SHOWN).await.map_err(|cause| internal(&cause))?;
    let all = components::all(&visitor, &visit.site.profile).await.map_err(|cause| internal(&cause))?;
    let taken: Vec<AnyView> = backups.iter().map(|backup| taken(staff, backup)).collect();
    let taken = if taken.is_empty() {
        empty("No backups yet", "The schedule makes them; where to is set with AVOUCH_BACKUP_TO.", None)
    } else {
        table("Backups", &["Begun", "Place", "Bytes", "Came of it"], taken)
    };
    let tried: Vec<AnyView> = drills.iter().map(|drill| tried(staff, drill)).collect();
    let tried = if tried.is_empty() {
        empty("No drills yet", "A drill brings the newest backup back elsewhere and compares it.", None)
    } else {
        table("Drills", &["Made", "Back within (RTO)", "Age of the copy (RPO)", "Rows", "Came of it"], tried)
    };
    let rows: Vec<AnyView> = all.iter().map(row).collect();
    let view = view! {
        <section aria-labelledby="h-backups"><h2 id="h-backups">"Backups and drills"</h2>{taken}{tried}</section>
        <section aria-labelledby="h-components">
            <h2 id="h-components">"Components and their recovery objectives"</h2>
            {table("Components", &["Component", "Critical", "Back within (RTO)", "May lose (RPO)"], rows)}
            {entry(visit, typed)}
        </section>
    };
    Ok(view.into_any())
}

fn taken(staff: &Staff, backup: &receipts::Backup) -> AnyView {
    let state = match (backup.done, backup.running) {
        (true, _) => badge("done", "proven"),
        (false, true) => badge("running", "unproven"),
        (false, false) => badge("failed", "failing"),
    };
    let gone = backup.pruned.map(|at| format!("let go on {} after its time", when(staff, at)));
    let said = gone.unwrap_or_else(|| backup.said.clone());
    view! { <tr><th scope="row">{when(staff, backup.started)}</th><td>{backup.destination.clone()}</td><td>{backup.bytes}</td><td>{state}" "{said}</td></tr> }
        .into_any()
}

fn tried(staff: &Staff, drill: &receipts::Drill) -> AnyView {
    let measured = |time: Option<time::Duration>| time.map_or_else(|| "–".to_owned(), span);
    let state = if drill.done { badge("held", "proven") } else { badge("failed", "failing") };
    let said = drill.said.clone();
    view! { <tr><th scope="row">{when(staff, drill.at)}</th><td>{measured(drill.rto)}</td><td>{measured(drill.rpo)}</td><td>{drill.rows}</td><td>{state}" "{said}</td></tr> }
        .into_any()
}

fn row(one: &Component) -> AnyView {
    let hours = |hours: Option<u32>| hours.map_or_else(|| "–".to_owned(), |hours| format!("{hours} h"));
    let critical = if one.critical { "yes" } else { "no" };
    view! { <tr data-component=one.id.clone()><th scope="row">{one.name.clone()}</th><td>{critical}</td><td>{hours(one.rto_hours)}</td><td>{hours(one.rpo_hours)}</td></tr> }
        .into_any()
}

fn entry(visit: &Visit, typed: &Typed) -> AnyView {
    let field = |name: &'static str, label: &'static str, kind: &'static str, required: bool| {
        let blamed = typed.problem.as_ref().and_then(|problem| problem.blames_field(name));
        let wrong = blamed.map(|said| sentence(&said));
        let (id, wrong_id) = (format!("c-{name}"), format!("c-{name}-wrong"));
        let (invalid, described) = (wrong.is_some().then_some("true"), wrong.is_some().then(|| wrong_id.clone()));
        view! {
            <div class="field">
                <label for=id.clone()>{label}</label>
                <input class="input" id=id name=name type=kind value=typed.value(name) autocomplete="off" required=required aria-invalid=invalid aria-describedby=described/>
                {wrong.map(|said| view! { <p class="wrong" id=wrong_id>{said}</p> })}
            </div>
        }
    };
    let checked = !typed.value("critical").is_empty();
    let fields = view! {
        {field("name", "Component", "text", true)}
        <div class="field"><label><input type="checkbox" name="critical" value="yes" checked=checked/>" Critical: needs both objectives"</label></div>
        {field("rto_hours", "Back within, in hours (RTO)", "number", false)}
        {field("rpo_hours", "May lose at most, in hours (RPO)", "number", false)}
    };
    form(Act::SaveComponent, &visit.token.text, "Save the component", fields)
}

pub async fn save(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let staff = visit.staff()?;
    let form = Form {
        name: fields.get("name"),
        critical: !matches!(fields.get("critical"), "" | "no" | "false" | "0"),
        rto_hours: fields.get("rto_hours"),
        rpo_hours: fields.get("rpo_hours"),
    };
    components::save(&staff.operator(), form, visit.now).await?;
    Ok(Done::go("/operator?done=saved"))
}
