//! The parts of the service: a critical one has objectives, and none that the backups could not keep.

use super::check::slugs_once;
use super::format::Tables;
use super::place::Flaws;
use crate::backups::components::Component;

pub(super) fn components(tables: &Tables, flaws: &mut Flaws<'_>) -> Vec<Component> {
    slugs_once("component", tables.components.iter().map(|one| &one.id), flaws);
    let every_hours = tables.backups.as_ref().map(|backups| backups.get_ref().every_hours);
    for one in &tables.components {
        let critical = *one.critical.get_ref();
        if critical && (one.rto_hours.is_none() || one.rpo_hours.is_none()) {
            flaws.error(
                one.critical.span(),
                format!(
                    "the component \"{}\" is critical and so needs rto_hours and rpo_hours: how soon it is back, and how old the copy may be",
                    one.id.get_ref()
                ),
            );
        }
        if let (true, Some(rpo), Some(every)) = (critical, &one.rpo_hours, every_hours)
            && *rpo.get_ref() < every
        {
            flaws.error(
                rpo.span(),
                format!("rpo_hours is below every_hours of [backups] ({every}): a copy would be older than that before the next is made"),
            );
        }
    }
    let component = |one: &super::format::Component| Component {
        id: one.id.get_ref().clone(),
        name: one.name.clone(),
        critical: *one.critical.get_ref(),
        rto_hours: one.rto_hours.map(std::num::NonZeroU32::get),
        rpo_hours: one.rpo_hours.as_ref().map(|hours| hours.get_ref().get()),
    };
    tables.components.iter().map(component).collect()
}
