//! What is written to people, in words. A letter has plain text and the same as simple HTML.

use time::OffsetDateTime;

use super::review_news::ReviewNews;
use crate::identity::origin::Place;

/// Everything that is ever sent.
#[derive(Clone, Debug)]
pub enum Letter {
    ConfirmAddress {
        link: String,
        organisation: String,
    },
    ConfirmNewAddress {
        link: String,
    },
    AlreadyRegistered {
        sign_in: String,
        reset: String,
    },
    AddressChangeAsked,
    AddressChanged,
    ResetPassword {
        link: String,
        place: Place,
    },
    PasswordChanged,
    FactorSet {
        replaced: bool,
    },
    FactorRemoved,
    BackupCodesMade,
    FewBackupCodes {
        left: u64,
        page: String,
    },
    NewDevice {
        place: Place,
        sessions: String,
    },
    RepeatedFailures {
        place: Place,
        reset: String,
    },
    RepeatedCodes {
        place: Place,
        reset: String,
    },
    Invitation {
        link: String,
        organisation: String,
        role: String,
        until: OffsetDateTime,
    },
    AccessEnded,
    FactorReset {
        organisation: String,
    },
    /// A trial or the days of grace end soon.
    RunsOut {
        organisation: String,
        trial: bool,
        until: OffsetDateTime,
        page: String,
    },
    Lapsed {
        organisation: String,
        page: String,
    },
    /// The subscription was cancelled: hidden now, destroyed later.
    Closed {
        organisation: String,
        until: Option<OffsetDateTime>,
        page: String,
        proof: String,
    },
    Reopened {
        organisation: String,
        page: String,
    },
    /// The end of one's account was asked for.
    AccountEnds {
        at: OffsetDateTime,
        proof: String,
    },
    /// It was called off in time.
    AccountKept {
        sign_in: String,
    },
    /// Something about an access review.
    Review {
        news: ReviewNews,
        organisation: String,
        name: String,
        due: OffsetDateTime,
        page: String,
    },
    /// To nobody: queued and dropped, so that asking about an address that nobody has costs the same.
    Nobody,
}

/// A letter in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    pub subject: String,
    pub paragraphs: Vec<String>,
    /// What the button says, and where it leads.
    pub button: Option<(&'static str, String)>,
    pub after: Vec<String>,
}

const NOT_YOU: &str = "If this was not you, set a new password at once with \"Forgot your password?\" on the sign-in page, and tell your administrator.";
const IGNORE: &str =
    "If you did not ask for this, do nothing: nothing happens until the button on the page behind the link is pressed.";

impl Letter {
    /// As operators see it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ConfirmAddress { .. } => "confirm-address",
            Self::ConfirmNewAddress { .. } => "confirm-new-address",
            Self::AlreadyRegistered { .. } => "already-registered",
            Self::AddressChangeAsked => "address-change-asked",
            Self::AddressChanged => "address-changed",
            Self::ResetPassword { .. } => "reset-password",
            Self::PasswordChanged => "password-changed",
            Self::FactorSet { .. } => "factor-set",
            Self::FactorRemoved => "factor-removed",
            Self::BackupCodesMade => "backup-codes-made",
            Self::FewBackupCodes { .. } => "few-backup-codes",
            Self::NewDevice { .. } => "new-device",
            Self::RepeatedFailures { .. } => "repeated-failures",
            Self::RepeatedCodes { .. } => "repeated-codes",
            Self::Invitation { .. } => "invitation",
            Self::AccessEnded => "access-ended",
            Self::FactorReset { .. } => "factor-reset",
            Self::RunsOut { .. } => "runs-out",
            Self::Lapsed { .. } => "lapsed",
            Self::Closed { .. } => "closed",
            Self::Reopened { .. } => "reopened",
            Self::AccountEnds { .. } => "account-ends",
            Self::AccountKept { .. } => "account-kept",
            Self::Review { news, .. } => news.kind(),
            Self::Nobody => "nobody",
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each letter, and nothing but its words")]
    pub fn words(&self, brand: &str) -> Words {
        let words =
            |subject: &str, paragraphs: &[&str], button: Option<(&'static str, &String)>, after: &[&str]| Words {
                subject: format!("{subject} · {brand}"),
                paragraphs: paragraphs.iter().map(|text| (*text).to_owned()).collect(),
                button: button.map(|(said, to)| (said, to.clone())),
                after: after.iter().map(|text| (*text).to_owned()).collect(),
            };
        match self {
            Self::ConfirmAddress { link, organisation } => words(
                "Confirm your address",
                &[&format!("An account was asked for with this address, for the organisation \"{organisation}\".")],
                Some(("Confirm this address", link)),
                &[IGNORE, "Nobody can use the account without the password that was chosen when signing up."],
            ),
            Self::ConfirmNewAddress { link } => words(
                "Confirm your new address",
                &["This address is to be the new one of an account. Everybody is signed out of it when you confirm."],
                Some(("Confirm this address", link)),
                &[IGNORE],
            ),
            Self::AlreadyRegistered { sign_in, reset } => words(
                "You have an account already",
                &[
                    "Somebody used this address to sign up. There is an account with it already, so nothing was changed.",
                ],
                Some(("Sign in", sign_in)),
                &[&format!("If you have forgotten your password: {reset}")],
            ),
            Self::AddressChangeAsked => words(
                "A change of address was asked for",
                &[
                    "The address of your account is to be changed. A link was sent to the new one; until it is used, this one stays.",
                ],
                None,
                &[NOT_YOU],
            ),
            Self::AddressChanged => words(
                "Your address was changed",
                &["Your account has a new address. This one can no longer be used to sign in."],
                None,
                &["If this was not you, write to your administrator at once."],
            ),
            Self::ResetPassword { link, place } => words(
                "Set a new password",
                &[
                    &format!("A new password was asked for, from {} in the network {}.", place.device, place.network),
                    "The link works once, for an hour. You will be asked for your second factor as always.",
                ],
                Some(("Set a new password", link)),
                &[IGNORE],
            ),
            Self::PasswordChanged => words(
                "Your password was changed",
                &["The password of your account was changed. Every other session was ended."],
                None,
                &[NOT_YOU],
            ),
            Self::FactorSet { replaced } => words(
                if *replaced { "Your second factor was replaced" } else { "Your second factor is set up" },
                &[
                    "An authenticator app was connected with your account. Every other session was ended.",
                    "Keep the backup codes that were shown somewhere safe: each lets you in once without the app.",
                ],
                None,
                &[NOT_YOU],
            ),
            Self::FactorRemoved => words(
                "Your second factor was taken away",
                &["Your account can now be used with the password alone. Every other session was ended."],
                None,
                &[NOT_YOU],
            ),
            Self::BackupCodesMade => words(
                "You have new backup codes",
                &["New backup codes were made for your account. The old ones no longer work."],
                None,
                &[NOT_YOU],
            ),
            Self::FewBackupCodes { left, page } => words(
                "Few backup codes are left",
                &[&format!("You have used a backup code; {left} are left. Make new ones before you need them.")],
                Some(("Make new backup codes", page)),
                &[NOT_YOU],
            ),
            Self::NewDevice { place, sessions } => words(
                "A new device signed in",
                &[&format!(
                    "Your account was used from a device that it did not know: {} in the network {}.",
                    place.device, place.network
                )],
                Some(("Look at your sessions", sessions)),
                &[NOT_YOU],
            ),
            Self::Invitation { link, organisation, role, until } => words(
                "You are invited",
                &[
                    &format!("You are invited to join the organisation \"{organisation}\" in the role {role}."),
                    &format!("The invitation holds until {}.", day(*until)),
                ],
                Some(("Look at the invitation", link)),
                &["If you do not know who invites you, do nothing."],
            ),
            Self::AccessEnded => words(
                "Your access was ended",
                &["You are no longer a member of an organisation here, and you were signed out everywhere."],
                None,
                &["If you think that this is a mistake, ask whoever administers the organisation."],
            ),
            Self::FactorReset { organisation } => words(
                "Your second factor was reset",
                &[
                    &format!("An administrator of \"{organisation}\" took the second factor of your account away."),
                    "You were signed out everywhere. At your next sign-in you set up an authenticator app again.",
                ],
                None,
                &[
                    "If you did not ask for this, tell another administrator of your organisation at once, and set a new password.",
                ],
            ),
            Self::RunsOut { organisation, trial, until, page } => words(
                if *trial { "Your trial ends soon" } else { "A payment is missing" },
                &[
                    &format!(
                        "The {} of \"{organisation}\" ends on {}.",
                        if *trial { "trial" } else { "time to pay" },
                        day(*until)
                    ),
                    "After that everything can still be read, but nothing can be changed until the subscription is paid.",
                ],
                Some(("Look at the subscription", page)),
                &[],
            ),
            Self::Lapsed { organisation, page } => words(
                "Your subscription has lapsed",
                &[
                    &format!("The subscription of \"{organisation}\" is no longer paid for."),
                    "Everything can still be read; nothing can be changed until the subscription is paid.",
                ],
                Some(("Look at the subscription", page)),
                &[],
            ),
            Self::Closed { organisation, until, page, proof } => {
                let end = until.map_or_else(
                    || "Everything in it is kept until we are told to destroy it.".to_owned(),
                    |at| {
                        format!(
                            "On {} everything in it is destroyed, with the accounts of those who belong to nothing else, and cannot be brought back by anybody.",
                            day(at)
                        )
                    },
                );
                words(
                    "Your subscription is cancelled",
                    &[
                        &format!(
                            "The subscription of \"{organisation}\" was cancelled. Nobody can see what is in it any more."
                        ),
                        &end,
                        "Until then you can restore it, or take everything along, on the billing page.",
                    ],
                    Some(("Restore it", page)),
                    &[&format!("The signed proof that it is destroyed will be here: {proof}")],
                )
            }
            Self::Reopened { organisation, page } => words(
                "Your organisation is back",
                &[&format!("\"{organisation}\" was restored. Everything in it is as it was.")],
                Some(("Open it", page)),
                &[],
            ),
            Self::AccountEnds { at, proof } => words(
                "Your account was closed",
                &[
                    "The end of your account was asked for. You are signed out, and nobody sees anything of it any more.",
                    &format!(
                        "On {} at the latest your name, your address and everything else about you is erased.",
                        day(*at)
                    ),
                ],
                Some(("The proof will be here", proof)),
                &["If this was not you, or you think better of it: sign in before that day, and keep the account."],
            ),
            Self::AccountKept { sign_in } => words(
                "Your account stays",
                &["The end of your account was called off. Everything is as it was, and you can sign in again."],
                Some(("Sign in", sign_in)),
                &["If this was not you, somebody knows your password: set a new one."],
            ),
            Self::Review { news, organisation, name, due, page } => {
                let (subject, [first, second]) = news.said(organisation, name, &day(*due));
                words(subject, &[&first, &second], Some(("Open the review", page)), &[])
            }
            Self::Nobody => words("Nobody", &["Nobody reads this."], None, &[NOT_YOU]),
            Self::RepeatedCodes { place, reset } => words(
                "Wrong codes for your account",
                &[&format!(
                    "Somebody gave your password and then several wrong codes, from {} in the network {}. None was let in.",
                    place.device, place.network
                )],
                Some(("Set a new password", reset)),
                &[
                    "If it was you, look whether the clock of your device is right. If not, somebody knows your password: set a new one at once.",
                ],
            ),
            Self::RepeatedFailures { place, reset } => words(
                "Wrong passwords for your account",
                &[&format!(
                    "Somebody tried several wrong passwords for your account, from {} in the network {}. None was let in.",
                    place.device, place.network
                )],
                Some(("Set a new password", reset)),
                &["If it was you, you need not do anything."],
            ),
        }
    }
}

/// `21 November 2026`.
fn day(at: OffsetDateTime) -> String {
    format!("{} {} {}", at.day(), at.month(), at.year())
}

impl Words {
    pub fn plain(&self) -> String {
        let button = self.button.iter().map(|(said, to)| format!("{said}:\n{to}"));
        let parts: Vec<String> =
            self.paragraphs.iter().cloned().chain(button).chain(self.after.iter().cloned()).collect();
        format!("{}\n", parts.join("\n\n"))
    }

    pub fn html(&self) -> String {
        let paragraph = |text: &String| format!("<p>{}</p>\n", escape(text));
        let before: String = self.paragraphs.iter().map(paragraph).collect();
        let button =
            self.button.iter().map(|(said, to)| format!("<p><a href=\"{}\">{}</a></p>", escape(to), escape(said)));
        let after: String = self.after.iter().map(paragraph).collect();
        format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head><body>{before}{}{after}</body></html>",
            escape(&self.subject),
            button.collect::<String>()
        )
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_typed_is_text_in_a_letter() {
        let letter =
            Letter::ConfirmAddress { link: "https://a.example/x?token=1".into(), organisation: "<b>\"x\"</b>".into() };
        let words = letter.words("Aertous");
        assert!(!words.html().contains("<b>") && words.plain().contains("<b>"), "{}", words.html());
        assert!(words.plain().contains("Confirm this address:\nhttps://a.example/x?token=1\n"));
    }
}
