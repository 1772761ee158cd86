//! Parts of long lists: narrowing them down, going on to the next page, and saying that there is nothing. Links and GET forms only.

use leptos::prelude::*;

/// One thing a list is narrowed down by. `options` are value and label; an empty `chosen` is all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub name: &'static str,
    pub label: &'static str,
    pub options: Vec<(String, String)>,
    pub chosen: String,
    /// How it is called when nothing is chosen.
    pub first: &'static str,
}

/// The form above a list. `search` is name, label and what was searched for; so is each of `days`.
///
/// It drops the cursor of `pages`: another selection begins at its first page.
pub fn filters(
    action: &str,
    search: Option<(&'static str, &'static str, String)>,
    filters: Vec<Filter>,
    days: Vec<(&'static str, &'static str, String)>,
) -> AnyView {
    let searched = search.as_ref().is_some_and(|(.., value)| !value.is_empty());
    let dated = days.iter().any(|(.., value)| !value.is_empty());
    let narrowed = searched || dated || filters.iter().any(|filter| !filter.chosen.is_empty());
    let clear = narrowed.then(|| view! { <a class="btn" href=action.to_owned()>"Clear"</a> });
    let search = search.map(|(name, label, value)| {
        view! { <label>{label}<input class="input" type="search" name=name value=value maxlength="100"/></label> }
    });
    let selects = filters.into_iter().map(select).collect_view();
    let days: Vec<AnyView> = days
        .into_iter()
        .map(|(name, label, value)| {
            view! { <label>{label}<input class="input" type="date" name=name value=value/></label> }.into_any()
        })
        .collect();
    view! {
        <form class="search" method="get" action=action.to_owned() role="search">
            {search}
            {selects}
            {days}
            <button class="btn btn-primary" type="submit">"Show"</button>
            {clear}
        </form>
    }
    .into_any()
}

fn select(filter: Filter) -> AnyView {
    let Filter { name, label, options, chosen, first } = filter;
    let options = options
        .into_iter()
        .map(|(value, label)| {
            let selected = value == chosen;
            view! { <option value=value selected=selected>{label}</option> }
        })
        .collect_view();
    view! { <label>{label}<select class="select" name=name><option value="">{first}</option>{options}</select></label> }
        .into_any()
}

/// Where a list goes on. `keep` is what it is narrowed down by, `next` where the next page begins.
///
/// There is no way back but to the first page: a cursor knows what follows it, not what was before.
pub fn pages(path: &str, keep: &[(&str, &str)], next: Option<String>, first: bool) -> AnyView {
    if first && next.is_none() {
        return ().into_any();
    }
    let start = (!first).then(|| view! { <a class="btn" href=address(path, keep, None)>"First page"</a> });
    let next = next.map(|cursor| {
        view! { <a class="btn" rel="next" href=address(path, keep, Some(&cursor))>"Next page"</a> }
    });
    view! { <nav class="pages" aria-label="Pages">{start}{next}</nav> }.into_any()
}

fn address(path: &str, keep: &[(&str, &str)], after: Option<&str>) -> String {
    let kept = keep.iter().copied().filter(|(name, value)| *name != "after" && !value.is_empty());
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .extend_pairs(after.map(|cursor| ("after", cursor)))
        .finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// What stands where a list would be. `action` is what the link says and where it leads.
pub fn empty(title: &str, hint: &str, action: Option<(&str, &str)>) -> AnyView {
    let action = action.map(|(says, href)| {
        view! { <p><a class="btn" href=href.to_owned()>{says.to_owned()}</a></p> }
    });
    view! {
        <div class="nothing">
            <p class="nothing-title">{title.to_owned()}</p>
            <p>{hint.to_owned()}</p>
            {action}
        </div>
    }
    .into_any()
}

/// A table that scrolls by itself on a narrow screen, also by keyboard. `label` names the region, as a table: the section around it often has the
/// same heading, and no two parts of a page have one name. `rows` are `<tr>`.
///
/// A column of buttons has an empty `head`; it is named for those who hear it.
pub fn table(label: &str, head: &[&str], rows: Vec<AnyView>) -> AnyView {
    let head = head
        .iter()
        .map(|text| match *text {
            "" => view! { <th scope="col"><span class="sr-only">"Actions"</span></th> }.into_any(),
            text => view! { <th scope="col">{text.to_owned()}</th> }.into_any(),
        })
        .collect_view();
    view! {
        <div class="scroll" role="region" aria-label=format!("Table: {label}") tabindex="0"><table class="table">
            <thead><tr>{head}</tr></thead>
            <tbody>{rows}</tbody>
        </table></div>
    }
    .into_any()
}

/// As a page shows it, for tests of the parts of pages.
#[cfg(test)]
pub(crate) fn html(view: AnyView) -> String {
    use super::layout::{Head, document};

    let head = Head { title: "Test", description: None, canonical: None, style: "/s.css", script: None, again: false };
    let page = document(&head, view);
    match page.split_once("</head>") {
        Some((_, body)) => body.to_owned(),
        None => page,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "<script>alert(1)</script>\" onload=\"x";

    fn role(chosen: &str) -> Filter {
        let options = [("owner", "Owner"), ("<b>", HOSTILE)].map(|(value, label)| (value.into(), label.into()));
        Filter { name: "role", label: "Role", options: options.into(), chosen: chosen.into(), first: "All" }
    }

    #[test]
    fn a_form_keeps_what_was_chosen_and_can_be_cleared() {
        let html = html(filters("/people", Some(("q", "Name", "Ada".into())), vec![role("owner")], Vec::new()));
        assert!(html.contains("method=\"get\"") && html.contains("value=\"Ada\""), "{html}");
        assert!(
            html.contains("<option value=\"\">All</option><option value=\"owner\" selected>Owner</option>"),
            "{html}"
        );
        assert!(html.contains(">Clear</a>"), "{html}");
    }

    #[test]
    fn there_is_nothing_to_clear_when_nothing_is_chosen() {
        let html = html(filters("/people", Some(("q", "Name", String::new())), vec![role("")], Vec::new()));
        assert!(!html.contains("Clear") && !html.contains("selected"), "{html}");
        assert!(html.contains(">Show</button>"), "{html}");
    }

    #[test]
    fn a_choice_alone_can_be_cleared() {
        let html = html(filters("/people", None, vec![role("owner")], Vec::new()));
        assert!(html.contains("Clear") && !html.contains("type=\"search\""), "{html}");
    }

    #[test]
    fn a_day_alone_can_be_cleared() {
        let html = html(filters("/people", None, vec![role("")], vec![("from", "From", "2026-11-20".into())]));
        assert!(html.contains("Clear") && html.contains("type=\"date\" name=\"from\""), "{html}");
        assert!(html.contains("value=\"2026-11-20\""), "{html}");
    }

    #[test]
    fn the_next_page_keeps_the_selection() {
        let html =
            html(pages("/people", &[("q", "a&b c/ü"), ("role", ""), ("after", "old")], Some("x=1&y".into()), true));
        assert!(html.contains("href=\"/people?q=a%26b+c%2F%C3%BC&amp;after=x%3D1%26y\""), "{html}");
        assert!(!html.contains("First page") && html.contains("aria-label=\"Pages\""), "{html}");
    }

    #[test]
    fn the_last_page_leads_back_to_the_first() {
        let kept = html(pages("/people", &[("q", "x")], None, false));
        assert!(
            kept.contains("href=\"/people?q=x\" class=\"btn\">First page") && !kept.contains("Next page"),
            "{kept}"
        );
        assert!(html(pages("/people", &[], None, false)).contains("href=\"/people\""));
        assert!(!html(pages("/people", &[], None, true)).contains("<nav"));
    }

    #[test]
    fn an_empty_list_says_what_to_do() {
        let with = html(empty("No people yet", "Invite somebody.", Some(("Invite", "/people/invite"))));
        assert!(
            with.contains("No people yet") && with.contains("href=\"/people/invite\" class=\"btn\">Invite</a>"),
            "{with}"
        );
        assert!(!html(empty("No people yet", "Wait.", None)).contains("btn"));
    }

    #[test]
    fn a_table_names_its_region_and_its_column_of_buttons() {
        let row = view! { <tr><td>"Ada"</td><td></td></tr> }.into_any();
        let html = html(table("People", &["Name", ""], vec![row]));
        assert!(html.contains("role=\"region\" aria-label=\"Table: People\" tabindex=\"0\""), "{html}");
        assert!(
            html.contains("<th scope=\"col\">Name</th><th scope=\"col\"><span class=\"sr-only\">Actions</span></th>"),
            "{html}"
        );
        assert!(html.contains("<td>Ada</td>"), "{html}");
    }

    #[test]
    fn hostile_words_stay_words() {
        let searched = html(filters(
            "/people",
            Some(("q", "Name", HOSTILE.into())),
            vec![role("<b>")],
            vec![("from", "From", HOSTILE.into())],
        ));
        let tabled = html(table(HOSTILE, &[HOSTILE], Vec::new()));
        assert!(
            searched.contains("value=\"&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&quot;x\""),
            "{searched}"
        );
        assert!(
            tabled.contains("aria-label=\"Table: &lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&quot;x\""),
            "{tabled}"
        );
        let paged = html(pages("/people", &[("q", HOSTILE)], Some(HOSTILE.into()), false));
        assert!(!paged.contains("onload=\""), "{paged}");
        for html in [searched, tabled, paged, html(empty(HOSTILE, HOSTILE, Some((HOSTILE, "/x"))))] {
            assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
        }
    }
}
