//! What the items of a review are narrowed by: from the address to the form above the list, and along with what is decided about many.

use std::collections::BTreeMap;

use leptos::prelude::*;

use super::said;
use crate::http::pairs::{self, shown};
use crate::http::people::Typed;
use crate::ui::list::{Filter, filters};

/// The names that an address narrows by.
const NAMES: [&str; 6] = ["search", "stands", "grants", "role", "advice", "whose"];

/// What was asked for, by the name in the address, and where the page begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrow(BTreeMap<&'static str, String>, String);

/// Stands for all items of a review, where nothing narrows them: what is empty means something else.
const WHOLE: &str = "all=yes";

impl Narrow {
    pub fn of(typed: &Typed) -> Self {
        // A form that was refused has a field of the same name as one of these: the list does not follow it.
        if typed.problem.is_some() {
            return Self::parse(&typed.value("narrowing")).unwrap_or_default();
        }
        Self::from_pairs(|name| typed.value(name))
    }

    /// As it stands in a form. What it does not know is not left out: many would be decided about that nobody meant.
    ///
    /// # Errors
    /// Names what is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pairs = pairs::pairs(text.as_bytes()).map_err(|_| "this is no text in UTF-8".to_owned())?;
        let known = |(name, value): &(String, String)| {
            NAMES.contains(&name.as_str()) || name == "after" || (name == "all" && value == "yes")
        };
        if let Some((name, _)) = pairs.iter().find(|pair| !known(pair)) {
            return Err(format!("there is no \"{}\"; write {WHOLE}, or some of: {}", shown(name), NAMES.join(", ")));
        }
        let pairs: BTreeMap<String, String> = pairs.into_iter().collect();
        Ok(Self::from_pairs(|name| pairs.get(name).cloned().unwrap_or_default()))
    }

    fn from_pairs(value: impl Fn(&str) -> String) -> Self {
        let known = NAMES.into_iter().map(|name| (name, value(name))).filter(|(_, value)| !value.is_empty());
        Self(known.collect(), value("after"))
    }

    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn narrows(&self) -> bool {
        !self.0.is_empty()
    }

    /// Name and value of each.
    pub fn kept(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// Where the page of the list begins.
    pub fn after(&self) -> Option<&str> {
        Some(self.1.as_str()).filter(|after| !after.is_empty())
    }

    /// As a field says it, for all that fit.
    pub fn whole_text(&self) -> String {
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish();
        if text.is_empty() { WHOLE.to_owned() } else { text }
    }

    /// The way back to this page of the list.
    pub fn place(&self) -> String {
        let after = self.after().map(|after| ("after", after));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).extend_pairs(after).finish()
    }

    /// The form above the list.
    pub fn form(&self, path: &str, roles: &[String], assigned: bool) -> AnyView {
        let filter = |name: &'static str, label: &'static str, options: Vec<(String, String)>| Filter {
            name,
            label,
            options,
            chosen: self.get(name).to_owned(),
            first: "All",
        };
        let mut all = vec![
            filter("stands", "Decision", said::stands()),
            filter("grants", "What it grants", said::kinds()),
            filter("role", "Role", roles.iter().map(|role| (role.clone(), role.clone())).collect()),
            filter("advice", "Recommendation", said::advice()),
        ];
        if assigned {
            all.push(filter("whose", "Who decides", vec![("mine".to_owned(), "I do, and have not".to_owned())]));
        }
        let search = ("search", "Whole e-mail address", self.get("search").to_owned());
        filters(path, Some(search), all, Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_list_is_narrowed_by_goes_along_in_a_form_and_comes_back() {
        let typed = Typed {
            values: [("stands", "undecided"), ("role", "A & B"), ("note", "x")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            problem: None,
        };
        let narrow = Narrow::of(&typed);
        assert_eq!(narrow.kept(), [("role", "A & B"), ("stands", "undecided")]);
        assert_eq!(Narrow::parse(&narrow.whole_text()), Ok(narrow));
        let place = Narrow::parse("stands=keep&after=7").expect("a place").place();
        assert_eq!(place, "stands=keep&after=7");
        assert_eq!(Narrow::parse(&Narrow::default().whole_text()), Ok(Narrow::default()));
        for odd in ["stands=keep&x=y", "x", "all=no", "role=%FF"] {
            assert!(Narrow::parse(odd).is_err(), "{odd}");
        }
    }
}
