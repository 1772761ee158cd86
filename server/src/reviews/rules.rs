//! The rules of a review that ask nobody: what is recommended, what needs a reason, and who may not decide.

use std::collections::BTreeSet;

use time::Duration;
use uuid::Uuid;

use super::words::{Advice, Decision, Reason, Silence};
use crate::identity::Refusal;

/// What was not used for so long is recommended to be revoked: a quarter (CIS Controls v8, 5.3, disables what was not used for 45 days; a quarter
/// leaves whoever works by the month alone).
pub(crate) const UNUSED: Duration = Duration::days(90);

/// Why somebody may not decide on an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barred {
    /// It is their own access, or that of another account of theirs.
    Own,
    /// They stand in for the person whose access it is.
    Delegator,
    /// The person decides on theirs in the same review, and the profile forbids that.
    Mutual,
    /// They decided on it in an earlier stage.
    EarlierStage,
    /// Somebody else is to decide.
    NotAsked,
    /// The role that would go may more than theirs.
    Beyond,
    /// It took effect already.
    Done,
    NotOpen,
}

impl Barred {
    pub const fn said(self) -> &'static str {
        match self {
            Self::Own => "Nobody decides on their own access. Somebody else has to.",
            Self::Delegator => "You stand in for this person, so somebody else has to decide on their access.",
            Self::Mutual => {
                "This person decides on your access in this review, so somebody else has to decide on theirs."
            }
            Self::EarlierStage => "You decided on this in an earlier stage. The next one is for somebody else.",
            Self::NotAsked => "Somebody else was asked to decide on this.",
            Self::Beyond => "The role may more than yours: somebody who may as much has to take it away.",
            Self::Done => "This was done already.",
            Self::NotOpen => "This review is not open.",
        }
    }
}

impl From<Barred> for Refusal {
    fn from(barred: Barred) -> Self {
        Self::Conflict(barred.said().to_owned())
    }
}

/// What is known of a grant when it is taken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact about a grant")]
pub(crate) struct Known {
    pub(crate) orphaned: bool,
    pub(crate) over: bool,
    pub(crate) unused: bool,
    pub(crate) privileged: bool,
    pub(crate) has_factor: bool,
}

/// What is recommended, and why: the first that fits. `freeze` says the same in SQL, and a test compares the two.
pub(crate) const fn advice(known: Known) -> (Advice, Reason) {
    if known.orphaned {
        (Advice::Revoke, Reason::Orphaned)
    } else if known.over {
        (Advice::Revoke, Reason::Over)
    } else if known.unused {
        (Advice::Revoke, Reason::Unused)
    } else if known.privileged && !known.has_factor {
        (Advice::Revoke, Reason::NoFactor)
    } else {
        (Advice::Keep, Reason::Used)
    }
}

/// Whether a decision has to be explained: what is taken away, and what is left to somebody who may much.
pub(crate) const fn needs_note(decision: Decision, privileged: bool) -> bool {
    match decision {
        Decision::Revoke => true,
        Decision::Keep => privileged,
        Decision::Change => false,
    }
}

/// What silence says of an item.
pub(crate) const fn of_silence(silence: Silence, advice: Advice) -> Decision {
    match (silence, advice) {
        (Silence::Keep, _) | (Silence::Recommended, Advice::Keep) => Decision::Keep,
        (Silence::Revoke, _) | (Silence::Recommended, Advice::Revoke) => Decision::Revoke,
    }
}

/// Some people, under whatever accounts: whoever has one of these accounts or reads one of these mailboxes is one of them.
///
/// Every rule about who is who asks this and nothing else, so that a second account of the same mailbox is nobody else in any of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct People {
    accounts: BTreeSet<Uuid>,
    boxes: BTreeSet<String>,
}

impl People {
    pub(crate) fn add(&mut self, subject: &Subject<'_>) {
        self.accounts.extend(subject.account);
        self.boxes.extend(subject.mailbox.filter(|mailbox| !mailbox.is_empty()).map(str::to_owned));
    }

    pub(crate) fn has(&self, subject: &Subject<'_>) -> bool {
        subject.account.is_some_and(|account| self.accounts.contains(&account))
            || subject.mailbox.is_some_and(|mailbox| self.boxes.contains(mailbox))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.boxes.is_empty()
    }

    pub(crate) fn boxes(&self) -> impl Iterator<Item = &str> {
        self.boxes.iter().map(String::as_str)
    }

    /// The accounts that are known to be theirs.
    pub(crate) fn accounts(&self) -> &BTreeSet<Uuid> {
        &self.accounts
    }
}

impl<'a> FromIterator<Subject<'a>> for People {
    fn from_iter<T: IntoIterator<Item = Subject<'a>>>(all: T) -> Self {
        let mut people = Self::default();
        for one in all {
            people.add(&one);
        }
        people
    }
}

/// Who decides, as far as the rules care.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decider {
    pub(crate) account: Uuid,
    /// They themselves, with those accounts of theirs that decided in an earlier stage of this review.
    pub(crate) own: People,
    /// For whom they stand in, in this review.
    pub(crate) delegators: People,
    /// Who decided on their own access in this review.
    pub(crate) judges: People,
    /// Whether the profile lets two people decide on each other.
    pub(crate) mutual: bool,
}

/// Whose access it is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Subject<'a> {
    pub(crate) account: Option<Uuid>,
    pub(crate) mailbox: Option<&'a str>,
}

impl Decider {
    /// Whether they are too close to whoever's access it is.
    pub(crate) fn stands_apart(&self, subject: &Subject<'_>) -> Result<(), Barred> {
        if self.own.has(subject) {
            return Err(Barred::Own);
        }
        if self.delegators.has(subject) {
            return Err(Barred::Delegator);
        }
        if !self.mutual && self.judges.has(subject) {
            return Err(Barred::Mutual);
        }
        Ok(())
    }
}

/// The mailbox behind an address: without case and without what follows a plus sign, which the same person reads (RFC 5233).
pub(crate) fn mailbox(address: &str) -> String {
    let address = address.trim().to_lowercase();
    let Some((local, domain)) = address.rsplit_once('@') else { return address };
    let plain = local.split('+').next().unwrap_or(local);
    format!("{plain}@{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access_of(account: u128, mailbox: &str) -> Subject<'_> {
        Subject { account: Some(Uuid::from_u128(account)), mailbox: Some(mailbox) }
    }

    fn somebody(account: u128, address: &str) -> Decider {
        let own = [access_of(account, &mailbox(address))].into_iter().collect();
        Decider { account: Uuid::from_u128(account), own, mutual: true, ..Decider::default() }
    }

    #[test]
    fn a_second_account_of_the_same_mailbox_is_the_same_person() {
        let ada = somebody(1, "Ada+reviews@Acme.example");
        assert_eq!(ada.stands_apart(&access_of(2, &mailbox("ada@acme.example"))), Err(Barred::Own));
        assert_eq!(ada.stands_apart(&access_of(1, "other@acme.example")), Err(Barred::Own));
        assert_eq!(ada.stands_apart(&access_of(3, &mailbox("grace@acme.example"))), Ok(()));
    }

    #[test]
    fn nobody_is_somebody_because_neither_has_a_mailbox() {
        let ada = somebody(1, "");
        assert_eq!(ada.stands_apart(&access_of(2, "")), Ok(()));
        assert_eq!(ada.stands_apart(&Subject::default()), Ok(()));
    }

    /// Every rule about who is who, with the same people in it: Grace's account 7, and what else leads to Grace.
    /// Makes somebody one about whom a rule speaks.
    type Makes = fn(&mut Decider, People);

    #[test]
    fn no_rule_takes_a_second_account_or_an_invitation_of_the_same_mailbox_for_somebody_else() {
        let (grace, second) = (mailbox("grace@acme.example"), mailbox("Grace+second@acme.example"));
        let of_grace: People = [access_of(7, &grace)].into_iter().collect();
        let rules: [(Barred, Makes); 3] = [
            (Barred::Own, |decider, people| decider.own = people),
            (Barred::Delegator, |decider, people| decider.delegators = people),
            (Barred::Mutual, |decider, people| decider.judges = people),
        ];
        for (barred, rule) in rules {
            let mut ada = somebody(1, "ada@acme.example");
            ada.mutual = false;
            rule(&mut ada, of_grace.clone());
            assert_eq!(ada.stands_apart(&access_of(7, "changed@acme.example")), Err(barred));
            assert_eq!(ada.stands_apart(&access_of(8, &second)), Err(barred));
            assert_eq!(ada.stands_apart(&Subject { account: None, mailbox: Some(&second) }), Err(barred));
            assert_eq!(ada.stands_apart(&access_of(9, "eve@acme.example")), Ok(()));
        }
    }

    #[test]
    fn two_people_decide_on_each_other_only_where_the_profile_lets_them() {
        let mut ada = somebody(1, "ada@acme.example");
        ada.judges.add(&access_of(2, "grace@acme.example"));
        assert_eq!(ada.stands_apart(&access_of(2, "grace@acme.example")), Ok(()));
        ada.mutual = false;
        assert_eq!(ada.stands_apart(&access_of(2, "grace@acme.example")), Err(Barred::Mutual));
    }

    #[test]
    fn what_is_taken_away_and_what_much_is_left_to_needs_a_reason() {
        let table = [
            (Decision::Keep, false, false),
            (Decision::Keep, true, true),
            (Decision::Revoke, false, true),
            (Decision::Revoke, true, true),
            (Decision::Change, true, false),
        ];
        for (decision, privileged, needed) in table {
            assert_eq!(needs_note(decision, privileged), needed, "{decision:?} {privileged}");
        }
    }

    #[test]
    fn the_worst_that_is_known_gives_the_reason() {
        let good = Known { orphaned: false, over: false, unused: false, privileged: true, has_factor: true };
        assert_eq!(advice(good), (Advice::Keep, Reason::Used));
        let bare = Known { has_factor: false, ..good };
        assert_eq!(advice(bare), (Advice::Revoke, Reason::NoFactor));
        assert_eq!(advice(Known { unused: true, ..bare }), (Advice::Revoke, Reason::Unused));
        assert_eq!(advice(Known { unused: true, orphaned: true, ..bare }), (Advice::Revoke, Reason::Orphaned));
    }
}
