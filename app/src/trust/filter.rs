//! What a reader wants to see: by state, by kind, by words. All in the address, so that it can be linked.

use contract::claim::{Kind, State};
use server::trust::Told;

#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub kind: Option<Kind>,
    pub words: String,
}

/// Longer searches are cut: nobody types them, and they are shown again in the form.
const LONGEST: usize = 100;

impl Filter {
    /// From the address of the trust page. Unknown words select nothing special: an old link must not break.
    pub fn of(pairs: &[(String, String)]) -> Self {
        // What is asked twice is asked about nothing.
        let value = |name: &str| {
            let mut named = pairs.iter().filter(|(known, _)| known == name);
            named.next().filter(|_| named.next().is_none()).map_or("", |(_, value)| value.as_str())
        };
        Self {
            state: State::parse(value("state")),
            kind: Kind::parse(value("kind")),
            words: value("q").trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect(),
        }
    }

    pub fn selects_all(&self) -> bool {
        self.state.is_none() && self.kind.is_none() && self.words.is_empty()
    }

    pub fn takes(&self, told: &Told) -> bool {
        self.state.is_none_or(|state| state == told.state)
            && self.kind.is_none_or(|kind| kind == told.kind)
            && self.found_in(told)
    }

    /// Every word must be somewhere in the claim.
    fn found_in(&self, told: &Told) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let text =
            format!("{} {} {} {}", told.id, told.text, told.finding, told.control.as_deref().unwrap_or_default())
                .to_lowercase();
        self.words.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }
}
