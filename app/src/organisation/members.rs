//! The members, page by page, with what can be done about each; and the invitations that wait.

use contract::access::{Act, Page};
use contract::permission::Permission;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Asks, Person, rights};
use server::organisations::invitations::{self, Pending};
use server::organisations::members::{self, Member, Query, Sort};
use server::organisations::roles::{self, Role};
use server::organisations::units::{self, Unit};

use super::frame::{self, badge, button, select, small};
use crate::http::asked::Asked;
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::ui::form::{Input, hidden, input, trouble};
use crate::ui::list::{Filter, empty, filters, pages, table};

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::MembersRead>(Asks::ToSee)?;
    let accounts = &visit.site.accounts;
    let path = visit.path_of(Page::Members);
    let asked = Asked::of(&path, typed);
    let roles = roles::list(&reader, accounts).await?;
    let query = query(&asked, &roles)?;
    let listed = asked.understood(members::list(&reader, accounts, &query).await, str::to_owned)?;
    let units = units::list(&reader, accounts).await?;
    let pending = invitations::list(&reader, accounts).await?;
    let rows: Vec<AnyView> = listed.members.iter().map(|member| row(visit, &reader, member, &roles)).collect();
    let list = if rows.is_empty() {
        empty("No members found", "No member fits what you chose.", Some(("Show all members", &path)))
    } else {
        table("Members", &["Member", "Role", "Second factor", "Last seen", ""], rows)
    };
    let manages = frame::may(visit, Permission::MembersManage);
    let invite = manages.then(|| invite(visit, typed, &roles, &units));
    let keep = [
        ("search", query.address.clone().unwrap_or_default()),
        ("role", query.role.clone().unwrap_or_default()),
        ("factor", query.factor.clone().unwrap_or_default()),
        ("sort", query.sort.word().to_owned()),
    ];
    let keep: Vec<(&str, &str)> = keep.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let view = view! {
        <h1>"Members"</h1>
        {done(typed)}
        {trouble(typed)}
        {filters(&path, Some(("search", "Whole e-mail address", query.address.clone().unwrap_or_default())), choices(&roles, &query), Vec::new())}
        {list}
        {pages(&path, &keep, listed.next, query.after.is_none())}
        {invite}
        {waiting(visit, &reader, pending, manages)}
    };
    Ok(Middle::new("Members", view).wide())
}

/// What the address asks for.
fn query(asked: &Asked, roles: &[Role]) -> Result<Query, Problem> {
    let orders = Sort::ALL.map(Sort::word);
    let sort = asked.one_of("sort", orders.into_iter().filter(|word| !word.is_empty()))?;
    Ok(Query {
        address: asked.text("search"),
        role: asked.one_of("role", roles.iter().map(|role| role.name.as_str()))?,
        factor: asked.one_of("factor", ["yes", "no"].into_iter())?,
        sort: sort.and_then(|word| Sort::parse(&word)).unwrap_or_default(),
        after: asked.text("after"),
    })
}

fn choices(roles: &[Role], query: &Query) -> Vec<Filter> {
    let pair = |value: &str, label: &str| (value.to_owned(), label.to_owned());
    vec![
        Filter {
            name: "role",
            label: "Role",
            options: roles.iter().map(|role| pair(&role.name, &role.name)).collect(),
            chosen: query.role.clone().unwrap_or_default(),
            first: "All",
        },
        Filter {
            name: "factor",
            label: "Second factor",
            options: vec![pair("yes", "Set up"), pair("no", "Not set up")],
            chosen: query.factor.clone().unwrap_or_default(),
            first: "All",
        },
        Filter {
            name: "sort",
            label: "Sorted by",
            options: vec![pair("role", "Role"), pair("seen", "Last seen")],
            chosen: query.sort.word().to_owned(),
            first: "Joined",
        },
    ]
}

fn row(visit: &Visit, reader: &Person, member: &Member, roles: &[Role]) -> AnyView {
    let href = format!("{}/{}", visit.path_of(Page::Members), member.account);
    let factor = match (member.enrolled, member.needs_factor) {
        (true, _) => badge("Set up", "proven"),
        (false, true) => badge("Missing", "failing"),
        (false, false) => badge("Not demanded", "unproven"),
    };
    let help = member.is_help.then(|| badge("Help", "stated"));
    let some = (!member.reaches_all).then(|| badge("Some records", "stated"));
    let seen = member.seen.map_or_else(|| "Never".to_owned(), |at| frame::when(reader, at));
    let itself = member.account == reader.account.0;
    view! {
        <tr data-member=member.address.clone() data-member-id=member.account.to_string()>
            <th scope="row"><a class="link" href=href>{member.name.clone()}</a><span class="small">{member.address.clone()}</span>{itself.then(|| badge("You", "stated"))}" "{help}" "{some}</th>
            <td>{member.role.clone()}</td>
            <td>{factor}</td>
            <td>{seen}</td>
            <td>{actions(visit, member, roles)}</td>
        </tr>
    }
    .into_any()
}

/// What this person may do about that one, closed until it is wanted.
pub fn actions(visit: &Visit, member: &Member, roles: &[Role]) -> Option<AnyView> {
    let manages = frame::may(visit, Permission::MembersManage) && !member.is_help;
    let resets = frame::may(visit, Permission::MfaReset) && member.enrolled && !member.is_help;
    if !manages && !resets {
        return None;
    }
    let (id, name) = (member.account.to_string(), member.name.clone());
    let role_form = manages.then(|| {
        let options = roles.iter().map(|role| (role.name.clone(), role.name.clone())).collect();
        let fields = view! { {hidden("member", id.clone())}{select(&format!("role-{id}"), "role", "Role", options, &member.role, true)} };
        frame::form(visit, Act::ChangeRole, small("Change role", &name), fields)
    });
    let reset_form = resets.then(|| {
        let reason = format!("reason-{id}");
        let fields = view! {
            {hidden("member", id.clone())}
            <div class="field"><label for=reason.clone()>"Reason"</label><input class="input" id=reason name="reason" required maxlength="120" autocomplete="off"/></div>
        };
        frame::form(visit, Act::ResetMemberMfa, small("Reset second factor", &name), fields)
    });
    let offboard = manages.then(|| ending(visit, member));
    let spoken = format!("Change {name}");
    Some(
        view! {
            <details class="row-actions"><summary aria-label=spoken>"Change"</summary>{role_form}{reset_form}{offboard}</details>
        }
        .into_any(),
    )
}

/// The end of somebody's access wants a second press, beside what it takes away.
fn ending(visit: &Visit, member: &Member) -> AnyView {
    let (id, name, role) = (member.account.to_string(), member.name.clone(), member.role.clone());
    let whole = format!("{}/{id}#h-leave", visit.path_of(Page::Members));
    let form = frame::form(visit, Act::OffboardMember, small("End it now", &name), hidden("member", id));
    let spoken = format!("End access of {name}");
    view! {
        <details class="sure">
            <summary aria-label=spoken>"End access"</summary>
            <p class="small">"At once: the role "<b>{role}</b>", every session, every link and secret address, what they reach, and the invitations that they sent. What they wrote stays. "<a class="link" href=whole>"Count it first, set a day, or name a successor"</a></p>
            {form}
        </details>
    }
    .into_any()
}

fn invite(visit: &Visit, typed: &Typed, roles: &[Role], units: &[Unit]) -> AnyView {
    // Whoever comes begins with little: the role that may least stands first.
    let mine = frame::here(visit).map(|here| here.permissions.clone()).unwrap_or_default();
    let mut offered: Vec<&Role> = roles.iter().filter(|role| role.permissions.is_subset(&mine)).collect();
    offered.sort_by_key(|role| role.permissions.len());
    let options = offered.iter().map(|role| (role.name.clone(), role.name.clone())).collect();
    let unit = (!units.is_empty()).then(|| {
        let options = units.iter().map(|unit| (unit.id.to_string(), unit.name.clone())).collect();
        select("invite-unit", "unit", "Only there (none: everything)", options, &typed.value("unit"), false)
    });
    let days = visit.site.profile.policy.sign_up.invitation_days;
    let email = Input::new("email", "E-mail address", "email", "off");
    view! {
        <section aria-labelledby="h-invite">
            <h2 id="h-invite">"Invite somebody"</h2>
            <p class="small">"They get a link that holds for "{days.get()}" days. The role can be changed at any time."</p>
            {frame::form(visit, Act::InviteMember, button("Send the invitation"), view! { {input(email, typed)}{select("invite-role", "role", "Role", options, &typed.value("role"), true)}{unit} })}
        </section>
    }
    .into_any()
}

fn waiting(visit: &Visit, reader: &Person, pending: Vec<Pending>, manages: bool) -> Option<AnyView> {
    if pending.is_empty() {
        return None;
    }
    let rows: Vec<AnyView> = pending
        .into_iter()
        .map(|one| {
            let id = one.id.to_string();
            let over = one.ends <= visit.now;
            let ends = frame::when(reader, one.ends);
            let again = manages.then(|| {
                frame::form(
                    visit,
                    Act::ResendInvitation,
                    small("Send again", &one.address),
                    hidden("invitation", id.clone()),
                )
            });
            let away = manages.then(|| {
                frame::form(
                    visit,
                    Act::WithdrawInvitation,
                    small("Withdraw", &one.address),
                    hidden("invitation", id.clone()),
                )
            });
            view! {
                <tr data-invitation=id>
                    <th scope="row">{one.address.clone()}<span class="small">"by "{one.invited_by}</span></th>
                    <td>{one.role}{one.unit.map(|unit| view! { <span class="small">{unit}</span> })}</td>
                    <td>{ends}" "{over.then(|| badge("Run out", "failing"))}</td>
                    <td class="row-actions">{again}{away}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    Some(
        view! {
            <section aria-labelledby="invitations">
                <h2 id="invitations">"Invitations that wait"</h2>
                {table("Invitations", &["Address", "Role", "Holds until", ""], rows)}
            </section>
        }
        .into_any(),
    )
}
