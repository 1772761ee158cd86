//! Inputs whose names and labels come from the profile. What was wrong with one stands beside it.

use leptos::prelude::*;

use super::form::sentence;
use crate::http::people::Typed;

/// One input: what it is called, what stands in it, and what was wrong with it last time.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub name: String,
    pub label: String,
    pub hint: String,
    pub value: String,
    pub wrong: Option<String>,
    pub required: bool,
}

impl Entry {
    /// With what was typed last, if anything was refused; otherwise with what there is.
    pub fn new(name: &str, label: &str, typed: &Typed, there: String) -> Self {
        let wrong = typed.problem.as_ref().and_then(|problem| problem.blames_field(name));
        let value = if typed.problem.is_some() { typed.value(name) } else { there };
        Self { name: name.to_owned(), label: label.to_owned(), value, wrong, ..Self::default() }
    }

    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    #[must_use]
    pub fn required(self, required: bool) -> Self {
        Self { required, ..self }
    }

    pub fn id(&self) -> String {
        format!("f-{}", self.name)
    }

    /// The ids of hint and fault, as far as there are any.
    fn described(&self) -> Option<String> {
        let id = self.id();
        let hint = (!self.hint.is_empty()).then(|| format!("{id}-hint"));
        let wrong = self.wrong.is_some().then(|| format!("{id}-wrong"));
        let both: Vec<String> = [hint, wrong].into_iter().flatten().collect();
        (!both.is_empty()).then(|| both.join(" "))
    }

    fn said_hint(&self) -> Option<AnyView> {
        let (id, hint) = (format!("{}-hint", self.id()), self.hint.clone());
        (!hint.is_empty()).then(|| view! { <p class="small" id=id>{hint}</p> }.into_any())
    }

    fn said_wrong(&self) -> Option<AnyView> {
        let id = format!("{}-wrong", self.id());
        let said = sentence(self.wrong.as_deref()?);
        Some(view! { <p class="wrong" id=id>{said}</p> }.into_any())
    }

    fn spoken_label(&self) -> String {
        if self.required { format!("{} (needed)", self.label) } else { self.label.clone() }
    }

    fn around(&self, control: AnyView) -> AnyView {
        view! {
            <div class="field">
                <label for=self.id()>{self.spoken_label()}</label>
                {self.said_hint()}
                {control}
                {self.said_wrong()}
            </div>
        }
        .into_any()
    }
}

/// One line. `kind` is the input's type, `mode` the keyboard that fits; `offered` are values to choose from, each with what is said of it.
pub fn line(entry: &Entry, kind: &'static str, mode: Option<&'static str>, offered: &[(String, String)]) -> AnyView {
    let list = (!offered.is_empty()).then(|| format!("{}-list", entry.id()));
    let options: Vec<_> =
        offered.iter().cloned().map(|(value, said)| view! { <option value=value>{said}</option> }).collect();
    let datalist = list.clone().map(|id| view! { <datalist id=id>{options}</datalist> });
    let invalid = entry.wrong.is_some().then_some("true");
    // A browser takes seconds only where it is told that there are some.
    let step = (kind == "datetime-local" && entry.value.len() > "2026-04-30T14:30".len()).then_some("1");
    entry.around(
        view! {
            <input class="input" id=entry.id() name=entry.name.clone() type=kind value=entry.value.clone() autocomplete="off"
                inputmode=mode list=list step=step required=entry.required aria-invalid=invalid aria-describedby=entry.described()/>
            {datalist}
        }
        .into_any(),
    )
}

/// Several lines.
pub fn area(entry: &Entry, rows: u8) -> AnyView {
    let invalid = entry.wrong.is_some().then_some("true");
    // A line that follows the tag at once is none of the text. And what stands in a text area is not escaped for us.
    let text = html_escape::encode_text(&format!("\n{}", entry.value)).into_owned();
    entry.around(
        view! {
            <textarea class="input area" id=entry.id() name=entry.name.clone() rows=rows required=entry.required
                aria-invalid=invalid aria-describedby=entry.described()>{text}</textarea>
        }
        .into_any(),
    )
}

/// One of several; `options` are values and what is said of them. Where nothing has to be chosen, nothing can be.
pub fn choose(entry: &Entry, options: &[(String, String)]) -> AnyView {
    choose_or(entry, if entry.required { "Choose one" } else { "None" }, options)
}

/// The same where choosing nothing means something: `empty` says what.
pub fn choose_or(entry: &Entry, empty: &'static str, options: &[(String, String)]) -> AnyView {
    let options: Vec<_> = options
        .iter()
        .cloned()
        .map(|(value, said)| {
            let is = value == entry.value;
            view! { <option value=value selected=is>{said}</option> }
        })
        .collect();
    let invalid = entry.wrong.is_some().then_some("true");
    entry.around(
        view! {
            <select class="select" id=entry.id() name=entry.name.clone() required=entry.required
                aria-invalid=invalid aria-describedby=entry.described()>
                <option value="">{empty}</option>
                {options}
            </select>
        }
        .into_any(),
    )
}

/// Any of several. An empty value goes along, so that none ticked is said as well.
pub fn ticks(entry: &Entry, options: &[String]) -> AnyView {
    let ticked: Vec<&str> = entry.value.split(['\n', ';']).map(str::trim).collect();
    let boxes: Vec<_> = options
        .iter()
        .map(|option| {
            let (name, value, is) = (entry.name.clone(), option.clone(), ticked.contains(&option.as_str()));
            view! { <label class="tick"><input type="checkbox" name=name value=value checked=is/><span>{option.clone()}</span></label> }
        })
        .collect();
    view! {
        <fieldset id=entry.id() aria-describedby=entry.described()>
            <legend>{entry.spoken_label()}</legend>
            {entry.said_hint()}
            <input type="hidden" name=entry.name.clone() value=""/>
            {boxes}
            {entry.said_wrong()}
        </fieldset>
    }
    .into_any()
}

/// Everything that was wrong, with links to the fields: for whoever hears the page from its top. `fields` are names and labels.
pub fn summary(typed: &Typed, fields: &[(String, String)]) -> Option<AnyView> {
    let problem = typed.problem.as_ref()?;
    let items: Vec<AnyView> = problem
        .blames()
        .into_iter()
        .map(|(name, said)| {
            let said = sentence(&said);
            if let Some((known, label)) = fields.iter().find(|(known, _)| known == name) {
                let (href, label) = (format!("#f-{known}"), label.clone());
                return view! { <li><a class="link" href=href>{label}</a>": "{said}</li> }.into_any();
            }
            let name = name.to_owned();
            view! { <li>{name}": "{said}</li> }.into_any()
        })
        .collect();
    let list = (!items.is_empty()).then(|| view! { <ul>{items}</ul> });
    let (title, detail) = (problem.title(), sentence(&problem.detail()));
    Some(view! { <div class="trouble" role="alert"><p><b>{title}"."</b>" "{detail}</p>{list}</div> }.into_any())
}

#[cfg(test)]
mod tests {
    use contract::problem::Problem;

    use super::*;
    use crate::ui::list::html;

    #[test]
    fn what_was_typed_stands_there_again_beside_what_was_wrong_with_it() {
        let errors = vec![("status".to_owned(), "choose one of: A, B".to_owned())];
        let typed = Typed {
            values: [("status".to_owned(), "C".to_owned())].into(),
            problem: Some(Problem::InvalidFields { errors }),
        };
        let entry = Entry::new("status", "Status", &typed, "A".into());
        let shown = html(line(&entry, "text", None, &[]));
        assert!(shown.contains("value=\"C\"") && shown.contains("aria-describedby=\"f-status-wrong\""), "{shown}");
        assert!(shown.contains("Choose one of: A, B."), "{shown}");
        let summed = html(summary(&typed, &[("status".into(), "Status".into())]).expect("trouble"));
        assert!(summed.contains("href=\"#f-status\"") && summed.contains("role=\"alert\""), "{summed}");
    }

    #[test]
    fn boxes_send_something_when_none_is_ticked() {
        let entry = Entry { name: "nature".into(), value: "A\nB".into(), ..Entry::default() };
        let shown = html(ticks(&entry, &["A".into(), "B".into(), "C".into()]));
        assert!(shown.contains("type=\"hidden\" name=\"nature\" value=\"\""), "{shown}");
        assert_eq!(shown.matches("checked").count(), 2, "{shown}");
    }

    #[test]
    fn hostile_words_stay_words() {
        let bad = "</textarea><script>alert(1)</script>\" onload=\"x";
        let entry =
            Entry { name: "f".into(), label: bad.into(), value: bad.into(), hint: bad.into(), ..Entry::default() };
        let offered = [(bad.to_owned(), bad.to_owned())];
        for shown in [
            html(line(&entry, "text", None, &offered)),
            html(area(&entry, 3)),
            html(choose(&entry, &offered)),
            html(ticks(&entry, &[bad.into()])),
        ] {
            assert!(!shown.contains("<script>") && shown.contains("&lt;script&gt;"), "{shown}");
        }
    }

    #[test]
    fn a_long_text_does_not_end_its_own_field() {
        let entry = Entry { name: "f".into(), value: "</textarea><img src=x> &lt; &amp;".into(), ..Entry::default() };
        let shown = html(area(&entry, 3));
        assert!(shown.contains("\n&lt;/textarea&gt;&lt;img src=x&gt; &amp;lt; &amp;amp;</textarea>"), "{shown}");
    }
}
