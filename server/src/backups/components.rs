//! The parts of the service, and how soon each critical one has to be back: from the profile, and from the register that operators keep.

use contract::text::is_slug;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, QueryOrder};
use time::OffsetDateTime;

use crate::audit::Event;
use crate::clock::to_ms;
use crate::entity::component;
use crate::guard::{Operator, PlatformChange, ReadError, Visitor};
use crate::identity::Refusal;
use crate::profile::Profile;

/// A year: beyond it an objective is none.
const HOURS_AT_MOST: u32 = 8760;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    pub id: String,
    pub name: String,
    pub critical: bool,
    pub rto_hours: Option<u32>,
    pub rpo_hours: Option<u32>,
}

/// What a form says of one.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    pub name: &'a str,
    pub critical: bool,
    pub rto_hours: &'a str,
    pub rpo_hours: &'a str,
}

/// All components: the profile's, and the register's, which wins where both have one.
///
/// # Errors
/// When the database does not answer.
pub async fn all(visitor: &Visitor, profile: &Profile) -> Result<Vec<Component>, ReadError> {
    let rows = visitor.all(component::Entity::find().order_by_asc(component::Column::Name)).await?;
    let kept: Vec<Component> = rows.into_iter().map(of_row).collect();
    let of_profile = profile.components.iter().filter(|one| kept.iter().all(|row| row.id != one.id));
    Ok(of_profile.cloned().chain(kept.iter().cloned()).collect())
}

fn of_row(row: component::Model) -> Component {
    let hours = |hours: Option<i32>| hours.and_then(|hours| u32::try_from(hours).ok());
    Component {
        id: row.id,
        name: row.name,
        critical: row.critical != 0,
        rto_hours: hours(row.rto_hours),
        rpo_hours: hours(row.rpo_hours),
    }
}

/// Saves a component under the slug of its name.
///
/// # Errors
/// [`Refusal::Field`] when a critical one lacks an objective, or one is no number of hours.
pub async fn save(operator: &Operator, form: Form<'_>, now: OffsetDateTime) -> Result<Component, Refusal> {
    let change = operator.begin().await?;
    let saved = put(&change, form, now).await?;
    let said = |hours: Option<u32>| hours.map_or_else(|| "none".to_owned(), |hours| format!("{hours} h"));
    let objectives = format!(
        "{} rto {} rpo {}",
        if saved.critical { "critical" } else { "not critical" },
        said(saved.rto_hours),
        said(saved.rpo_hours)
    );
    change.commit(Event::ComponentSaved { component: saved.id.clone(), objectives }, now).await?;
    Ok(saved)
}

/// The same before it is committed.
async fn put(change: &PlatformChange, form: Form<'_>, now: OffsetDateTime) -> Result<Component, Refusal> {
    let name = form.name.trim();
    let words = name.to_lowercase();
    let id =
        words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    if name.chars().count() > 120 || !is_slug(&id) || id.len() > 63 {
        return Err(Refusal::Field("name", "Give it a short name with a letter in it.".into()));
    }
    let rto_hours = hours("rto_hours", form.rto_hours)?;
    let rpo_hours = hours("rpo_hours", form.rpo_hours)?;
    if form.critical && rto_hours.is_none() {
        return Err(Refusal::Field("rto_hours", "A critical component needs a recovery time objective.".into()));
    }
    if form.critical && rpo_hours.is_none() {
        return Err(Refusal::Field("rpo_hours", "A critical component needs a recovery point objective.".into()));
    }
    let saved = Component { id, name: name.to_owned(), critical: form.critical, rto_hours, rpo_hours };
    let stored = |hours: Option<u32>| hours.and_then(|hours| i32::try_from(hours).ok());
    let row = component::Model {
        id: saved.id.clone(),
        name: saved.name.clone(),
        critical: i32::from(saved.critical),
        rto_hours: stored(rto_hours),
        rpo_hours: stored(rpo_hours),
        changed_at_ms: to_ms(now),
    };
    let newer = [
        component::Column::Name,
        component::Column::Critical,
        component::Column::RtoHours,
        component::Column::RpoHours,
        component::Column::ChangedAtMs,
    ];
    let replace = OnConflict::column(component::Column::Id).update_columns(newer).to_owned();
    change.upsert(row.into_active_model().reset_all(), replace).await?;
    Ok(saved)
}

fn hours(field: &'static str, text: &str) -> Result<Option<u32>, Refusal> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let number = text.trim().parse().ok().filter(|hours| (1..=HOURS_AT_MOST).contains(hours));
    number.map(Some).ok_or_else(|| Refusal::Field(field, format!("Give whole hours, from 1 to {HOURS_AT_MOST}.")))
}

/// Offers the register a critical component without an objective, in a change that is dropped: whether the program refused it, and whether the
/// database did when it was asked past the program.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn refuses_without(operator: &Operator, now: OffsetDateTime) -> Result<(bool, bool), Refusal> {
    let change = operator.begin().await?;
    let name = "Probe without objectives";
    let form = Form { name, critical: true, rto_hours: "", rpo_hours: "1" };
    let by_program = matches!(put(&change, form, now).await, Err(Refusal::Field("rto_hours", _)));
    let row = component::Model {
        id: "probe-without-objectives".into(),
        name: name.into(),
        critical: 1,
        rto_hours: None,
        rpo_hours: Some(1),
        changed_at_ms: to_ms(now),
    };
    let by_database = change.insert(row.into_active_model().reset_all()).await.is_err();
    Ok((by_program, by_database))
}
