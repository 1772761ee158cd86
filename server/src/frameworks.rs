//! Catalogues of security frameworks: identifiers, and short titles of our own. Listing one is not being certified to it.

use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    pub id: String,
    pub name: String,
    pub edition: String,
    /// Identifier and title.
    pub requirements: Vec<(String, String)>,
}

macro_rules! catalogues {
    ($($id:literal),* $(,)?) => {
        &[$(($id, include_str!(concat!("../frameworks/", $id, ".toml")))),*]
    };
}

const CATALOGUES: &[(&str, &str)] = catalogues!["iso-27001-2022", "soc-2", "nist-csf-2.0", "gdpr", "nis-2", "dora"];

/// The catalogues that the program has.
pub fn known() -> impl Iterator<Item = &'static str> {
    CATALOGUES.iter().map(|(id, _)| *id)
}

/// Reads one catalogue; `None` when the program has no such one.
pub fn load(id: &str) -> Option<Framework> {
    let (_, text) = CATALOGUES.iter().find(|(known, _)| *known == id)?;
    toml::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_catalogue_loads_with_its_full_count_of_distinct_requirements() {
        let counts: Vec<_> = known()
            .map(|id| {
                let framework = load(id).expect(id);
                let distinct: BTreeSet<_> =
                    framework.requirements.iter().map(|(identifier, _)| identifier.clone()).collect();
                assert_eq!(distinct.len(), framework.requirements.len(), "{id}");
                (framework.id, distinct.len())
            })
            .collect();
        // ISO/IEC 27001:2022 Annex A has 93 controls, the trust services criteria 61, NIST CSF 2.0 106 subcategories.
        let expected = [("iso-27001-2022", 93), ("soc-2", 61), ("nist-csf-2.0", 106)];
        for (id, count) in expected {
            assert!(counts.contains(&(id.to_owned(), count)), "{counts:?}");
        }
    }
}
