//! Settings in the environment that this program does not know. They change nothing, and whoever set them believes that they do.

use clap::CommandFactory;
use server::profile::place::did_you_mean;

use crate::cli::Cli;

/// What the names of settings begin with.
const PREFIX: &str = "AVOUCH_";

/// Read where logging begins, before there is a configuration.
const LOG: &str = "AVOUCH_LOG";

/// What is wrong with each, with the nearest name that there is. A name that a reference leads to (`env:NAME`) is somebody's own.
pub fn said(config: &str) -> Vec<String> {
    let environment = || std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let values = environment().map(|(_, value)| value.to_string_lossy().into_owned());
    let led_to: Vec<String> = values
        .chain(std::env::args_os().map(|text| text.to_string_lossy().into_owned()))
        .chain([config.to_owned()])
        .collect();
    let names = environment().map(|(name, _)| name);
    let mut said: Vec<String> =
        unknown(names).filter(|name| !led_to.iter().any(|text| leads_to(text, name))).map(|name| tell(&name)).collect();
    said.sort();
    said
}

fn unknown(names: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    let known = known();
    names.filter(move |name| name.starts_with(PREFIX) && !name.starts_with("AVOUCH_TEST_") && !known.contains(name))
}

fn known() -> Vec<String> {
    let command = Cli::command();
    let named = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned));
    named.chain([LOG.to_owned()]).collect()
}

fn leads_to(text: &str, name: &str) -> bool {
    let mut after = text.split("env:").skip(1);
    after.any(|rest| rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next() == Some(name))
}

fn tell(name: &str) -> String {
    let known = known();
    // The part that all of them share would make everything alike.
    let short = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_owned();
    let shorts: Vec<String> = known.iter().map(|name| short(name)).collect();
    let near = did_you_mean(&short(name), shorts.iter().map(String::as_str));
    format!("{name} is not a setting and changes nothing{}", near.replacen("mean \"", &format!("mean \"{PREFIX}"), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_is_misspelt_is_told_with_the_nearest_name_and_never_with_its_value() {
        let names = ["AVOUCH_MASTERKEY", "AVOUCH_DATA", "AVOUCH_LOG", "AVOUCH_TEST_DATABASE_URL", "PATH"];
        let found: Vec<String> = unknown(names.into_iter().map(str::to_owned)).collect();
        assert_eq!(found, ["AVOUCH_MASTERKEY"]);
        let told = tell("AVOUCH_MASTERKEY");
        assert!(told.ends_with("did you mean \"AVOUCH_MASTER_KEY\"?"), "{told}");
        assert!(tell("AVOUCH_ZZZ").ends_with("changes nothing"));
    }

    #[test]
    fn what_a_reference_leads_to_is_no_misspelling() {
        assert!(leads_to("env:AVOUCH_KEK", "AVOUCH_KEK") && leads_to("master_key = \"env:AVOUCH_KEK\"", "AVOUCH_KEK"));
        assert!(!leads_to("env:AVOUCH_KEKS", "AVOUCH_KEK") && !leads_to("AVOUCH_KEK", "AVOUCH_KEK"));
    }
}
