//! What is promised and not there yet, each with its reason.

/// A control, or one check of a control, that the program does not have yet. Its claims are unproven, with this reason.
#[derive(Debug)]
pub struct Coming {
    pub control: &'static str,
    pub check: Option<&'static str>,
    pub why: &'static str,
}

const fn coming_control(control: &'static str, why: &'static str) -> Coming {
    Coming { control, check: None, why }
}

const fn coming_check(control: &'static str, check: &'static str, why: &'static str) -> Coming {
    Coming { control, check: Some(check), why }
}

const NO_PROVIDER: &str = "No payment provider is connected in this release.";

/// The list that may only shrink; a test holds its length.
pub const COMING: &[Coming] = &[
    coming_control("certificate-watch", "The certificate watcher is not part of this release."),
    coming_control("disclosure-intake", "The intake of vulnerability reports is not part of this release."),
    coming_control("egress-register", "The register of outgoing connections is not part of this release."),
    coming_control("error-scrubbing", "Error reporting is not part of this release."),
    coming_control("incidents", "Incident handling is not part of this release."),
    coming_control("subject-requests", "The intake of rights requests is not part of this release."),
    coming_check("billing", "tax-id", NO_PROVIDER),
    coming_check("billing", "hosted-card-fields", NO_PROVIDER),
    coming_check("billing", "no-card-numbers", NO_PROVIDER),
    coming_check("billing", "provider-identifiers", NO_PROVIDER),
    coming_check(
        "sealed-storage",
        "provider-credentials",
        "Payment and calendar providers are not part of this release.",
    ),
    coming_check("web-hygiene", "challenge", "The challenge in front of public forms is not part of this release."),
];

/// Why a control, or a check of it, is not there yet; `None` when it is, or is unknown.
pub fn coming(control: &str, check: Option<&str>) -> Option<&'static str> {
    COMING
        .iter()
        .find(|coming| coming.control == control && (coming.check.is_none() || coming.check == check))
        .map(|coming| coming.why)
}

#[cfg(test)]
mod tests {
    use super::super::{Check, find};
    use super::*;

    #[test]
    fn the_list_of_controls_to_come_only_shrinks() {
        // Lower this number when a control arrives; never raise it.
        assert!(COMING.len() <= 12, "{} controls are still to come", COMING.len());
    }

    #[test]
    fn no_control_is_both_here_and_to_come() {
        for coming in COMING {
            let here = match coming.check {
                None => find(coming.control).is_some(),
                Some(check) => Check::find(coming.control, check).is_some(),
            };
            assert!(!here, "{coming:?}");
        }
    }
}
