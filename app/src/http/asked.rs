//! What the address of a list asks for. What it does not understand is refused by name, with what is allowed and the way to the list without
//! it: a list that silently showed everything would be taken for what was asked for.

use contract::access::{Page, Who};
use contract::problem::Problem;
use server::identity::Refusal;
use uuid::Uuid;

use super::pairs::shown;
use super::people::Typed;

/// The address of one list. A form that was refused has fields of the same names: then the list is asked for nothing.
#[derive(Clone, Debug)]
pub struct Asked {
    path: String,
    values: Vec<(String, String)>,
}

/// Names that every address may carry: where to go on, a link's secret, what was just done, and what was removed just now.
const BESIDE: [&str; 4] = ["done", "next", "token", "removed"];

/// What mail programs and other sites hang onto an address by themselves (beside `utm_…`); it asks for nothing.
const HUNG_ON: [&str; 6] = ["fbclid", "gclid", "msclkid", "mc_cid", "mc_eid", "ref"];

/// What the list of a page may be asked for. Which of the names of a register are there, the profile says (`registers::narrow`).
#[expect(clippy::wildcard_enum_match_arm, reason = "a page without a list is asked for nothing")]
pub const fn names(page: Page) -> &'static [&'static str] {
    match page {
        Page::Register => &[
            "search",
            "person",
            "requirement",
            "link",
            "by",
            "from",
            "to",
            "sort",
            "after",
            "c1",
            "c2",
            "c3",
            "c4",
            "c5",
        ],
        Page::RecordsSchedule => &["week", "day"],
        Page::RecordsBin | Page::Operate => &["after"],
        Page::Members => &["search", "role", "factor", "sort", "after"],
        Page::Audit => &["action", "actor", "from", "to", "after"],
        Page::AuditCsv | Page::AuditJson => &["action", "actor", "from", "to"],
        Page::Review => &["search", "stands", "grants", "role", "advice", "whose", "after", "together"],
        Page::TrustHistory => &["before"],
        _ => &[],
    }
}

/// What of an address a page is given. Where something is kept, and on every list, a name that the page does not take is refused; a page
/// about nothing but its reader leaves it alone.
///
/// # Errors
/// [`Problem::NotUnderstood`], also of what stands there twice: nobody can tell which was meant.
pub fn of_address(page: Page, path: &str, pairs: Vec<(String, String)>) -> Result<Vec<(String, String)>, Problem> {
    let takes = |name: &str| names(page).contains(&name) || BESIDE.contains(&name);
    let (values, others): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(name, _)| takes(name));
    let asked = Asked { path: path.to_owned(), values };
    let strict = !names(page).is_empty() || matches!(page.row().who, Who::Member(_) | Who::Operator);
    let unknown = |(name, value): &&(String, String)| {
        !value.is_empty() && !name.starts_with("utm_") && !HUNG_ON.contains(&name.as_str())
    };
    if let Some((name, _)) = others.iter().find(unknown).filter(|_| strict) {
        return Err(match names(page) {
            [] => asked.refuse(name, "this page takes nothing of that kind"),
            names => asked.refuse(name, format!("this list does not take that; it takes {}", names.join(", "))),
        });
    }
    let twice = |at: &usize| asked.values[..*at].iter().any(|(name, _)| *name == asked.values[*at].0);
    match (0..asked.values.len()).find(twice) {
        Some(at) => Err(asked.refuse(&asked.values[at].0, "this stands twice in the address")),
        None => Ok(asked.values),
    }
}

impl Asked {
    pub fn of(path: &str, typed: &Typed) -> Self {
        let values = if typed.problem.is_some() { Vec::new() } else { typed.values.clone().into_iter().collect() };
        Self { path: path.to_owned(), values }
    }

    /// That the list takes no other names than these: fewer than the page has where the profile decides.
    ///
    /// # Errors
    /// See [`Asked::refuse`].
    pub fn only(&self, names: &[&str]) -> Result<(), Problem> {
        let known = |name: &str| names.contains(&name) || BESIDE.contains(&name);
        match self.values.iter().find(|(name, value)| !value.is_empty() && !known(name)) {
            Some((name, _)) => {
                Err(self.refuse(name, format!("this list does not take that; it takes {}", names.join(", "))))
            }
            None => Ok(()),
        }
    }

    /// What stands there, if anything does.
    pub fn text(&self, name: &str) -> Option<String> {
        self.values.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.clone())
    }

    /// One of these words.
    ///
    /// # Errors
    /// See [`Asked::refuse`].
    pub fn one_of<'a>(
        &self,
        name: &str,
        allowed: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<Option<String>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        if allowed.clone().any(|word| word == text) {
            return Ok(Some(text));
        }
        Err(self.refuse(name, format!("choose one of: {}", allowed.collect::<Vec<_>>().join(", "))))
    }

    /// An id.
    ///
    /// # Errors
    /// See [`Asked::refuse`].
    pub fn id(&self, name: &str, said: &str) -> Result<Option<Uuid>, Problem> {
        self.text(name).map(|text| text.parse().map_err(|_| self.refuse(name, said))).transpose()
    }

    /// What a use case made of it; what it blames is in the address, under the name that `called` gives.
    ///
    /// # Errors
    /// See [`Asked::refuse`].
    pub fn understood<T>(&self, done: Result<T, Refusal>, called: impl Fn(&str) -> String) -> Result<T, Problem> {
        done.map_err(|refusal| {
            let problem = Problem::from(refusal);
            let blamed = problem.blames().into_iter().next().map(|(name, said)| (called(name), said));
            match (problem.status(), blamed) {
                (422, Some((name, said))) => self.refuse(&name, said),
                _ => problem,
            }
        })
    }

    /// That one part of the address was not understood, with the way to the list without it. Where a page ended is of no use any more then.
    pub fn refuse(&self, name: &str, said: impl Into<String>) -> Problem {
        let kept = |other: &&(String, String)| {
            other.0 != name && other.0 != "after" && !other.1.is_empty() && !BESIDE.contains(&other.0.as_str())
        };
        let query =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(self.values.iter().filter(kept)).finish();
        let instead = if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) };
        let name = Some(shown(name)).filter(|name| !name.is_empty());
        Problem::NotUnderstood { name: name.unwrap_or_else(|| "address".into()), message: said.into(), instead }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Asked {
        let values = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Asked::of("/list", &Typed { values, problem: None })
    }

    fn said(problem: Problem) -> (String, String, String) {
        let Problem::NotUnderstood { name, message, instead } = problem else { unreachable!("{problem:?}") };
        (name, message, instead)
    }

    #[test]
    fn what_is_not_understood_is_named_with_what_is_allowed_and_the_way_without_it() {
        let asked = asked(&[("sort", "foo"), ("role", "A & B"), ("after", "7"), ("done", "saved")]);
        let refused = said(asked.one_of("sort", ["role", "seen"].into_iter()).expect_err("no such order"));
        assert_eq!(refused, ("sort".into(), "choose one of: role, seen".into(), "/list?role=A+%26+B".into()));
        let refused = said(asked.only(&["sort", "after"]).expect_err("no such name"));
        assert_eq!((refused.0.as_str(), refused.2.as_str()), ("role", "/list?sort=foo"));
        assert!(asked.only(&["sort", "after", "role"]).is_ok());
        assert!(asked.id("after", "no id").is_err());
    }

    #[test]
    fn what_a_use_case_blames_is_named_as_in_the_address() {
        let refusal = Refusal::Fields(vec![("status".into(), "choose one of: A, B".into())]);
        let refused = asked(&[("c1", "C")]).understood(Err::<(), _>(refusal), |_| "c1".to_owned());
        assert_eq!(said(refused.expect_err("refused")), ("c1".into(), "choose one of: A, B".into(), "/list".into()));
    }

    fn address(page: Page, query: &[(&str, &str)]) -> Result<Vec<(String, String)>, Problem> {
        of_address(page, "/list", query.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn a_name_that_a_list_does_not_take_is_refused_and_what_others_hang_on_is_left_out() {
        let kept = address(Page::Members, &[("role", "Auditor"), ("utm_source", "x"), ("ref", "y"), ("foo", "")]);
        assert_eq!(kept.expect("understood"), [("role".to_owned(), "Auditor".to_owned())]);
        for (page, name) in [(Page::Members, "page"), (Page::Audit, "before"), (Page::Roles, "foo")] {
            let refused = said(address(page, &[(name, "1"), ("bar", "2")]).expect_err("no such name"));
            assert_eq!((refused.0.as_str(), refused.2.as_str()), (name, "/list"));
        }
        assert_eq!(said(address(Page::Audit, &[("from", "a"), ("from", "b")]).expect_err("twice")).0, "from");
        assert!(address(Page::SignIn, &[("foo", "1")]).is_ok_and(|kept| kept.is_empty()));
    }

    #[test]
    fn a_form_that_was_refused_asks_the_list_for_nothing() {
        let values = [("role".to_owned(), "Nobody".to_owned())].into();
        let typed = Typed { values, problem: Some(Problem::NotFound) };
        assert_eq!(Asked::of("/list", &typed).text("role"), None);
    }
}
