//! The pages of an organisation, and what its forms do.

pub mod dashboard;
pub mod departures;
pub mod doing;
pub mod entrance;
pub mod export;
pub mod frame;
pub mod log;
pub mod member;
pub mod members;
pub mod roles;
pub mod settings;
pub mod units;

use contract::access::Page;
use contract::problem::Problem;
use futures::future::BoxFuture;

use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::Middle;
use crate::{frameworks, operator, registers, retention};

/// The middle of each page of an organisation or of the vendor's staff. Boxed one by one: together they are too deep a type.
#[expect(clippy::wildcard_enum_match_arm, reason = "whoever calls this has matched every page")]
pub fn middle<'a>(page: Page, visit: &'a Visit, typed: &'a Typed) -> BoxFuture<'a, Result<Middle, Problem>> {
    match page {
        Page::Invitation => Box::pin(entrance::invitation(visit, typed)),
        Page::Organisations => Box::pin(entrance::organisations(visit, typed)),
        Page::Dashboard => Box::pin(dashboard::page(visit)),
        Page::Members => Box::pin(members::page(visit, typed)),
        Page::Member => Box::pin(member::page(visit, typed)),
        Page::Departures => Box::pin(departures::page(visit, typed)),
        Page::Roles => Box::pin(roles::page(visit, typed)),
        Page::Units => Box::pin(units::page(visit, typed)),
        Page::Registers => Box::pin(registers::page(visit)),
        Page::Register => Box::pin(registers::list::page(visit, typed)),
        Page::RecordNew => Box::pin(registers::form::new(visit, typed)),
        Page::RecordsImport => Box::pin(async move { registers::import::page(visit, typed) }),
        Page::RecordsSchedule => Box::pin(registers::schedule::page(visit, typed)),
        Page::RecordsBin => Box::pin(registers::bin::page(visit, typed)),
        Page::Record => Box::pin(registers::record::page(visit, typed)),
        Page::RecordEdit => Box::pin(registers::form::edit(visit, typed)),
        Page::Frameworks => Box::pin(frameworks::page(visit)),
        Page::Framework => Box::pin(frameworks::framework::page(visit, typed)),
        Page::Audit => Box::pin(log::page(visit, typed)),
        Page::Export => Box::pin(export::page(visit, typed)),
        Page::Billing => Box::pin(retention::billing::page(visit, typed)),
        Page::Settings => Box::pin(settings::page(visit, typed)),
        Page::Operate => Box::pin(operator::overview(visit, typed)),
        Page::OperateOrganisation => Box::pin(operator::organisation(visit)),
        Page::OperateEvidence => Box::pin(operator::evidence::page(visit, typed)),
        Page::OperateApprovals => Box::pin(operator::approvals(visit, typed)),
        Page::OperateMail => Box::pin(operator::mail(visit)),
        // Pages of people and of the public are made elsewhere.
        _ => Box::pin(async { Err(Problem::NotFound) }),
    }
}
