//! The access table: every address that this program answers, who may use it, and what it does.
//!
//! The router is built from this table and from nothing else, so an address without a row
//! cannot be reached; the self-test of the running instance walks the same rows.

use serde::{Deserialize, Serialize};

use crate::permission::Permission;

/// How far somebody has got in. Computed anew for every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    /// No session, or one that has ended.
    SignedOut,
    /// The password was right; the second factor that this person has is still to be given.
    PasswordGiven,
    /// A second factor is demanded and there is none yet.
    Enrolling,
    /// All the way in.
    Complete,
    /// All the way in, and the strongest factor was given lately.
    SteppedUp,
}

impl Stage {
    pub const ALL: &[Self] = &[Self::SignedOut, Self::PasswordGiven, Self::Enrolling, Self::Complete, Self::SteppedUp];
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Everyone,
    /// Anybody with a session, however far they have got.
    AnySession,
    /// Whoever still has to give the second factor, and whoever gives it again.
    CodeHolder,
    /// Whoever has to enrol a second factor, and whoever is signed in and gave a factor lately.
    Enroller,
    SignedIn,
    /// Signed in, with a factor given lately.
    Fresh,
    /// Signed in, and a member of the organisation in the address whose role has this permission.
    Member(Permission),
    /// The vendor's staff, signed in with a second factor.
    Operator,
}

/// What somebody lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Needs {
    SignIn,
    SecondFactor,
    Enrol,
    StepUp,
}

impl Who {
    /// The whole of the stage rule. The layer asks it, and so do the tests and the self-test.
    ///
    /// # Errors
    /// What is lacking.
    pub const fn admits(self, stage: Stage) -> Result<(), Needs> {
        match (self, stage) {
            (Self::Everyone, _)
            | (Self::AnySession, Stage::PasswordGiven | Stage::Enrolling | Stage::Complete | Stage::SteppedUp)
            | (Self::CodeHolder, Stage::PasswordGiven | Stage::Complete | Stage::SteppedUp)
            | (Self::Enroller, Stage::Enrolling | Stage::SteppedUp)
            | (Self::SignedIn | Self::Member(_) | Self::Operator, Stage::Complete | Stage::SteppedUp)
            | (Self::Fresh, Stage::SteppedUp) => Ok(()),
            (
                Self::AnySession
                | Self::CodeHolder
                | Self::Enroller
                | Self::SignedIn
                | Self::Fresh
                | Self::Member(_)
                | Self::Operator,
                Stage::SignedOut,
            ) => Err(Needs::SignIn),
            (
                Self::Enroller | Self::SignedIn | Self::Fresh | Self::Member(_) | Self::Operator,
                Stage::PasswordGiven,
            ) => Err(Needs::SecondFactor),
            (Self::CodeHolder | Self::SignedIn | Self::Fresh | Self::Member(_) | Self::Operator, Stage::Enrolling) => {
                Err(Needs::Enrol)
            }
            (Self::Enroller | Self::Fresh, Stage::Complete) => Err(Needs::StepUp),
        }
    }
}

/// What an answer may cost, and so which limit it counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Reading a page.
    Read,
    /// Whether the process lives; never limited, so that a flood cannot make it look dead.
    Health,
}

/// One row: a page, its path pattern, who may, and what it counts as.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub page: Page,
    pub path: &'static str,
    pub who: Who,
    pub class: Class,
    /// A concrete address of this pattern that always exists, for those who walk the table.
    pub example: &'static str,
}

macro_rules! pages {
    ($($name:ident $path:literal $who:ident $(($permission:ident))? $class:ident $example:literal;)*) => {
        /// Every page. The router matches on it exhaustively.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Page { $($name),* }

        /// The table itself.
        pub const PAGES: &[Row] = &[$(Row {
            page: Page::$name,
            path: $path,
            who: Who::$who $((Permission::$permission))?,
            class: Class::$class,
            example: $example,
        }),*];
    };
}

pages! {
    Home "/" Everyone Read "/";
    Trust "/trust" Everyone Read "/trust";
    TrustJson "/trust.json" Everyone Read "/trust.json";
    TrustClaim "/trust/claims/{id}" Everyone Read "/trust/claims/{first}";
    TrustHistory "/trust/history" Everyone Read "/trust/history";
    TrustFeed "/trust/feed.atom" Everyone Read "/trust/feed.atom";
    TrustBadge "/trust/badge.svg" Everyone Read "/trust/badge.svg";
    Privacy "/privacy" Everyone Read "/privacy";
    PrivacyVersion "/privacy/{version}" Everyone Read "/privacy/{version}";
    Terms "/terms" Everyone Read "/terms";
    TermsVersion "/terms/{version}" Everyone Read "/terms/{version}";
    SecurityTxt "/.well-known/security.txt" Everyone Read "/.well-known/security.txt";
    Robots "/robots.txt" Everyone Read "/robots.txt";
    Icon "/favicon.ico" Everyone Read "/favicon.ico";
    Asset "/pkg/{*file}" Everyone Read "/pkg/avouch.css";
    Health "/healthz" Everyone Health "/healthz";
    Ready "/readyz" Everyone Health "/readyz";
    Certificate "/certificates/{id}" Everyone Read "/certificates/key";
    CertificateFile "/certificates/{id}/file" Everyone Read "/certificates/key/file";
    Keys "/keys" Everyone Read "/keys";
    KeysJson "/.well-known/avouch-keys.json" Everyone Read "/.well-known/avouch-keys.json";
    Verifier "/keys/{script}" Everyone Read "/keys/verify_log.py";
    Calendar "/calendar.ics" Everyone Read "/calendar.ics";
    Help "/help" Everyone Read "/help";
    SignUp "/sign-up" Everyone Read "/sign-up";
    SignUpSent "/sign-up/sent" Everyone Read "/sign-up/sent";
    VerifyEmail "/sign-up/verify" Everyone Read "/sign-up/verify";
    SignIn "/sign-in" Everyone Read "/sign-in";
    Forgot "/sign-in/forgot" Everyone Read "/sign-in/forgot";
    ForgotSent "/sign-in/sent" Everyone Read "/sign-in/sent";
    Reset "/sign-in/reset" Everyone Read "/sign-in/reset";
    KeepAccount "/sign-in/keep" Everyone Read "/sign-in/keep";
    Code "/sign-in/code" CodeHolder Read "/sign-in/code";
    Enrol "/account/mfa/enrol" Enroller Read "/account/mfa/enrol";
    Account "/account" SignedIn Read "/account";
    BackupCodes "/account/backup-codes" SignedIn Read "/account/backup-codes";
    Sessions "/account/sessions" SignedIn Read "/account/sessions";
    DeleteAccount "/account/delete" SignedIn Read "/account/delete";
    Confirm "/account/confirm" SignedIn Read "/account/confirm";
    Invitation "/invitation" Everyone Read "/invitation";
    AccountExport "/account/export" SignedIn Read "/account/export";
    AccountCopy "/account/export/{export}/copy.zip" SignedIn Read "/account/export/{export}/copy.zip";
    Organisations "/organisations" SignedIn Read "/organisations";
    Dashboard "/o/{slug}" Member(OrganisationRead) Read "/o/{slug}";
    Members "/o/{slug}/members" Member(MembersRead) Read "/o/{slug}/members";
    Member "/o/{slug}/members/{member}" Member(MembersRead) Read "/o/{slug}/members/{member}";
    Departures "/o/{slug}/departures" Member(MembersRead) Read "/o/{slug}/departures";
    Roles "/o/{slug}/roles" Member(OrganisationRead) Read "/o/{slug}/roles";
    Units "/o/{slug}/units" Member(MembersRead) Read "/o/{slug}/units";
    Registers "/o/{slug}/registers" Member(RecordsRead) Read "/o/{slug}/registers";
    Register "/o/{slug}/registers/{register}" Member(RecordsRead) Read "/o/{slug}/registers/{register}";
    RecordNew "/o/{slug}/registers/{register}/new" Member(RecordsWrite) Read "/o/{slug}/registers/{register}/new";
    RecordsImport "/o/{slug}/registers/{register}/import" Member(RecordsWrite) Read "/o/{slug}/registers/{register}/import";
    RecordsSchedule "/o/{slug}/registers/{register}/schedule" Member(RecordsRead) Read "/o/{slug}/registers/{register}/schedule";
    RecordsBin "/o/{slug}/registers/{register}/bin" Member(RecordsDelete) Read "/o/{slug}/registers/{register}/bin";
    Record "/o/{slug}/registers/{register}/{record}" Member(RecordsRead) Read "/o/{slug}/registers/{register}/{record}";
    RecordEdit "/o/{slug}/registers/{register}/{record}/edit" Member(RecordsWrite) Read "/o/{slug}/registers/{register}/{record}/edit";
    File "/o/{slug}/files/{file}" Member(RecordsRead) Read "/o/{slug}/files/{file}";
    Reviews "/o/{slug}/reviews" Member(ReviewsRead) Read "/o/{slug}/reviews";
    ReviewsCalendar "/o/{slug}/reviews.ics" Member(ReviewsRead) Read "/o/{slug}/reviews.ics";
    Review "/o/{slug}/reviews/{review}" Member(ReviewsRead) Read "/o/{slug}/reviews/{review}";
    ReviewReport "/o/{slug}/reviews/{review}/report" Member(ReviewsRead) Read "/o/{slug}/reviews/{review}/report";
    ReviewArchive "/o/{slug}/reviews/{review}/archive.zip" Member(ReviewsRead) Read "/o/{slug}/reviews/{review}/archive.zip";
    Frameworks "/o/{slug}/frameworks" Member(RecordsRead) Read "/o/{slug}/frameworks";
    Framework "/o/{slug}/frameworks/{framework}" Member(RecordsRead) Read "/o/{slug}/frameworks/{framework}";
    Audit "/o/{slug}/audit" Member(AuditRead) Read "/o/{slug}/audit";
    AuditCsv "/o/{slug}/audit.csv" Member(AuditRead) Read "/o/{slug}/audit.csv";
    AuditJson "/o/{slug}/audit.jsonl" Member(AuditRead) Read "/o/{slug}/audit.jsonl";
    AuditHeads "/o/{slug}/audit-heads.jsonl" Member(AuditRead) Read "/o/{slug}/audit-heads.jsonl";
    Export "/o/{slug}/export" Member(ExportCreate) Read "/o/{slug}/export";
    ExportArchive "/o/{slug}/export/{export}/archive.zip" Member(ExportCreate) Read "/o/{slug}/export/{export}/archive.zip";
    Billing "/o/{slug}/billing" Member(BillingManage) Read "/o/{slug}/billing";
    Settings "/o/{slug}/settings" Member(SettingsManage) Read "/o/{slug}/settings";
    Operate "/operator" Operator Read "/operator";
    OperateOrganisation "/operator/organisations/{slug}" Operator Read "/operator/organisations/{slug}";
    OperateEvidence "/operator/evidence" Operator Read "/operator/evidence";
    OperateApprovals "/operator/approvals" Operator Read "/operator/approvals";
    OperateMail "/operator/mail" Operator Read "/operator/mail";
    OperateReviews "/operator/reviews" Operator Read "/operator/reviews";
    OperateReview "/operator/reviews/{review}" Operator Read "/operator/reviews/{review}";
    OperateReviewReport "/operator/reviews/{review}/report" Operator Read "/operator/reviews/{review}/report";
    OperateReviewArchive "/operator/reviews/{review}/archive.zip" Operator Read "/operator/reviews/{review}/archive.zip";
}

/// In place of a field's name: further fields, which the profile declares and the use case checks.
pub const FURTHER: &str = "*";

/// One row: something that changes something. Always a POST below `/api/`, always with a CSRF token.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    pub act: Act,
    /// Verb and noun, as the form's `data-action` says it.
    pub name: &'static str,
    pub path: &'static str,
    pub who: Who,
    /// Whether it can be used without an account, and so has the tighter limit for public forms.
    pub public_form: bool,
    /// The fields it takes beside `csrf`; any other is refused, unless [`FURTHER`] is among them.
    pub fields: &'static [&'static str],
    /// Of those, the ones that may be left out.
    pub optional: &'static [&'static str],
    /// The page with its form: where a refusal is shown, and where a person goes on after stepping up.
    pub page: Page,
}

macro_rules! endpoints {
    (@path $name:literal) => { concat!("/api/", $name) };
    (@path $name:literal $path:literal) => { concat!($path, $name) };
    ($($act:ident $name:literal $(@ $path:literal)? $who:ident $(($permission:ident))? $(form $public:literal)? [$($field:literal)*] [$($optional:literal)*] on $page:ident;)*) => {
        /// Every change. The router matches on it exhaustively.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Act { $($act),* }

        pub const ENDPOINTS: &[Endpoint] = &[$(Endpoint {
            act: Act::$act,
            name: $name,
            path: endpoints!(@path $name $($path)?),
            who: Who::$who $((Permission::$permission))?,
            public_form: false $(|| $public)?,
            fields: &[$($field),*],
            optional: &[$($optional),*],
            page: Page::$page,
        }),*];
    };
}

endpoints! {
    SignUp "sign-up" Everyone form true ["email" "name" "organisation" "password"] [] on SignUp;
    VerifyEmail "verify-email" Everyone ["token"] [] on VerifyEmail;
    SignIn "sign-in" Everyone ["email" "password" "next"] ["next"] on SignIn;
    RequestReset "request-password-reset" Everyone form true ["email"] [] on Forgot;
    ResetPassword "reset-password" Everyone ["token" "password"] [] on Reset;
    EnterCode "enter-code" CodeHolder ["code" "next"] ["next"] on Code;
    EnterBackupCode "enter-backup-code" CodeHolder ["code" "next"] ["next"] on Code;
    ConfirmTotp "confirm-totp" Enroller ["code"] [] on Enrol;
    ConfirmPassword "confirm-password" SignedIn ["password" "next"] ["next"] on Confirm;
    RemoveTotp "remove-totp" Fresh [] [] on Account;
    RegenerateBackupCodes "regenerate-backup-codes" SignedIn ["code"] [] on BackupCodes;
    RevokeSession "revoke-session" SignedIn ["session"] [] on Sessions;
    RevokeOtherSessions "revoke-other-sessions" SignedIn [] [] on Sessions;
    SignOut "sign-out" AnySession ["session"] ["session"] on SignIn;
    ChangePassword "change-password" SignedIn ["current_password" "password"] [] on Account;
    ChangeProfile "change-profile" SignedIn ["name" "date_style" "time_zone"] [] on Account;
    ChangeEmail "change-email" Fresh ["email"] [] on Account;
    DeleteAccount "delete-account" SignedIn ["password" "code"] ["code"] on DeleteAccount;
    KeepAccount "keep-account" Everyone ["token"] [] on KeepAccount;
    AcceptInvitation "accept-invitation" Everyone ["token" "name" "password"] ["name" "password"] on Invitation;
    CreateOrganisation "create-organisation" SignedIn ["name"] [] on Organisations;
    RequestCopy "request-export" Fresh [] [] on AccountExport;
    RequestExport "request-export" @ "/api/o/{slug}/" Member(ExportCreate) ["masked"] ["masked"] on Export;
    InviteMember "invite-member" @ "/api/o/{slug}/" Member(MembersManage) ["email" "role" "unit"] ["unit"] on Members;
    ResendInvitation "resend-invitation" @ "/api/o/{slug}/" Member(MembersManage) ["invitation"] [] on Members;
    WithdrawInvitation "withdraw-invitation" @ "/api/o/{slug}/" Member(MembersManage) ["invitation"] [] on Members;
    ChangeRole "change-role" @ "/api/o/{slug}/" Member(MembersManage) ["member" "role"] [] on Members;
    OffboardMember "offboard-member" @ "/api/o/{slug}/" Member(MembersManage) ["member" "successor" "at"] ["successor" "at"] on Members;
    CancelOffboarding "cancel-offboarding" @ "/api/o/{slug}/" Member(MembersManage) ["departure"] [] on Departures;
    ResetMemberMfa "reset-member-mfa" @ "/api/o/{slug}/" Member(MfaReset) ["member" "reason"] [] on Members;
    TransferOwnership "transfer-ownership" @ "/api/o/{slug}/" Member(OrganisationManage) ["member" "role"] [] on Settings;
    RenameOrganisation "rename-organisation" @ "/api/o/{slug}/" Member(OrganisationManage) ["name"] [] on Settings;
    CreateRole "create-role" @ "/api/o/{slug}/" Member(RolesManage) ["name" "permissions"] [] on Roles;
    DeleteRole "delete-role" @ "/api/o/{slug}/" Member(RolesManage) ["role"] [] on Roles;
    CreateUnit "create-unit" @ "/api/o/{slug}/" Member(UnitsManage) ["name"] [] on Units;
    DeleteUnit "delete-unit" @ "/api/o/{slug}/" Member(UnitsManage) ["unit"] [] on Units;
    GrantReach "grant-reach" @ "/api/o/{slug}/" Member(UnitsManage) ["member" "unit" "record"] ["unit" "record"] on Members;
    WithdrawReach "withdraw-reach" @ "/api/o/{slug}/" Member(UnitsManage) ["member" "target"] ["target"] on Members;
    CreateRecord "create-record" @ "/api/o/{slug}/registers/{register}/" Member(RecordsWrite) ["*"] ["*"] on RecordNew;
    EditRecord "edit-record" @ "/api/o/{slug}/registers/{register}/" Member(RecordsWrite) ["record" "version" "*"] ["version" "*"] on RecordEdit;
    DeleteRecord "delete-record" @ "/api/o/{slug}/registers/{register}/" Member(RecordsDelete) ["record"] [] on Record;
    RestoreRecord "restore-record" @ "/api/o/{slug}/registers/{register}/" Member(RecordsDelete) ["record"] [] on RecordsBin;
    EditRecords "edit-records" @ "/api/o/{slug}/registers/{register}/" Member(RecordsWrite) ["records" "field" "value"] ["records" "value"] on Register;
    DeleteRecords "delete-records" @ "/api/o/{slug}/registers/{register}/" Member(RecordsDelete) ["records" "field" "value"] ["records" "field" "value"] on Register;
    UndoAct "undo-act" @ "/api/o/{slug}/registers/{register}/" Member(RecordsWrite) ["act"] [] on Register;
    AttachFile "attach-file" @ "/api/o/{slug}/registers/{register}/" Member(RecordsWrite) ["record" "field" "file"] ["field" "file"] on Record;
    RemoveFile "remove-file" @ "/api/o/{slug}/registers/{register}/" Member(RecordsWrite) ["record" "attachment"] [] on Record;
    ImportRecords "import-records" @ "/api/o/{slug}/registers/{register}/" Member(RecordsWrite) ["file" "mode"] ["file" "mode"] on RecordsImport;
    MapRequirements "map-requirements" @ "/api/o/{slug}/frameworks/{framework}/" Member(RecordsWrite) ["record" "requirements"] ["requirements"] on Framework;
    OpenReview "open-review" @ "/api/o/{slug}/" Member(ReviewsManage) ["name" "due" "reviewer" "second" "third" "fallback" "scope" "silence" "effect" "when_due" "draft"] ["reviewer" "second" "third" "fallback" "scope" "silence" "effect" "when_due" "draft"] on Reviews;
    StartReview "start-review" @ "/api/o/{slug}/" Member(ReviewsManage) ["review" "due"] ["due"] on Review;
    DiscardReview "discard-review" @ "/api/o/{slug}/" Member(ReviewsManage) ["review"] [] on Review;
    DecideItem "decide-item" @ "/api/o/{slug}/" Member(ReviewsDecide) ["item" "decision" "role" "note" "review" "narrowing"] ["role" "note" "review" "narrowing"] on Review;
    DecideItems "decide-items" @ "/api/o/{slug}/" Member(ReviewsDecide) ["review" "items" "narrowing" "decision" "role" "note" "sure" "reviewer"] ["items" "narrowing" "role" "note" "sure" "reviewer"] on Review;
    UndoDecisions "undo-decisions" @ "/api/o/{slug}/" Member(ReviewsDecide) ["review" "act"] [] on Review;
    UndoDecision "undo-decision" @ "/api/o/{slug}/" Member(ReviewsDecide) ["item" "review" "narrowing"] ["review" "narrowing"] on Review;
    CommentItem "comment-item" @ "/api/o/{slug}/" Member(ReviewsDecide) ["item" "text" "review" "narrowing"] ["review" "narrowing"] on Review;
    ReassignItems "reassign-items" @ "/api/o/{slug}/" Member(ReviewsManage) ["review" "items" "reviewer" "narrowing" "decision" "role" "note"] ["narrowing" "decision" "role" "note"] on Review;
    DelegateReview "delegate-review" @ "/api/o/{slug}/" Member(ReviewsDecide) ["review" "delegate"] ["delegate"] on Review;
    ResolveDrift "resolve-drift" @ "/api/o/{slug}/" Member(ReviewsManage) ["item" "note" "again" "review"] ["again" "review"] on Review;
    CloseReview "close-review" @ "/api/o/{slug}/" Member(ReviewsManage) ["review"] [] on Review;
    ShareCalendar "share-calendar" @ "/api/o/{slug}/" Member(ReviewsDecide) [] [] on Reviews;
    CloseCalendar "close-calendar" @ "/api/o/{slug}/" Member(ReviewsDecide) [] [] on Reviews;
    OpenHelp "open-help" @ "/api/o/{slug}/" Member(HelpGrant) ["operator" "role" "hours" "reason"] [] on Settings;
    EndHelp "end-help" @ "/api/o/{slug}/" Member(HelpEnd) ["grant"] [] on Settings;
    ApproveCopy "approve-copy" Operator ["archive" "purpose" "days"] [] on OperateApprovals;
    CancelSubscription "cancel-subscription" @ "/api/o/{slug}/" Member(BillingManage) [] [] on Billing;
    RestoreOrganisation "restore-organisation" @ "/api/o/{slug}/" Member(BillingManage) [] [] on Billing;
    PlaceHold "place-hold" @ "/api/o/{slug}/" Member(OrganisationManage) ["kind" "subject" "basis" "scope" "until"] ["subject"] on Settings;
    LiftHold "lift-hold" @ "/api/o/{slug}/" Member(OrganisationManage) ["hold"] [] on Settings;
    RecordEvidence "record-evidence" Operator ["claim" "date" "note" "names" "file"] ["names" "file"] on OperateEvidence;
    WithdrawEvidence "withdraw-evidence" Operator ["evidence" "reason"] [] on OperateEvidence;
    OpenSeatReview "open-review" @ "/api/operator/" Operator ["name" "due" "silence"] ["silence"] on OperateReviews;
    DecideSeat "decide-item" @ "/api/operator/" Operator ["item" "decision" "note" "review" "narrowing"] ["note" "review" "narrowing"] on OperateReview;
    UndoSeat "undo-decision" @ "/api/operator/" Operator ["item" "review" "narrowing"] ["review" "narrowing"] on OperateReview;
    ResolveSeatDrift "resolve-drift" @ "/api/operator/" Operator ["item" "note" "again" "review"] ["again" "review"] on OperateReview;
    CloseSeatReview "close-review" @ "/api/operator/" Operator ["review"] [] on OperateReview;
    SaveComponent "save-component" Operator ["name" "critical" "rto_hours" "rpo_hours"] ["critical" "rto_hours" "rpo_hours"] on Operate;
}

impl Who {
    /// The permission that a member needs, where it is about an organisation.
    pub const fn permission(self) -> Option<Permission> {
        match self {
            Self::Member(permission) => Some(permission),
            Self::Everyone
            | Self::AnySession
            | Self::CodeHolder
            | Self::Enroller
            | Self::SignedIn
            | Self::Fresh
            | Self::Operator => None,
        }
    }
}

impl Row {
    /// Whether the address names one thing that is there only when somebody made it, or when the profile gives it to this register.
    pub fn names_one(&self) -> bool {
        self.path.contains("{export}") || self.path.contains("{review}") || self.page == Page::RecordsSchedule
    }
}

impl Page {
    /// The row of this page.
    pub fn row(self) -> &'static Row {
        // Every variant has its row: both are written by one macro.
        PAGES.iter().find(|row| row.page == self).unwrap_or(&PAGES[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_without_a_session_passes_a_row_that_is_not_for_everyone() {
        for row in ENDPOINTS {
            let passes = row.who.admits(Stage::SignedOut).is_ok();
            assert_eq!(passes, row.who == Who::Everyone, "{}", row.name);
        }
    }

    #[test]
    fn a_half_session_of_an_enrolled_person_reaches_the_code_and_the_way_out_only() {
        let open: Vec<_> = ENDPOINTS
            .iter()
            .filter(|row| row.who != Who::Everyone && row.who.admits(Stage::PasswordGiven).is_ok())
            .map(|row| row.name)
            .collect();
        assert_eq!(open, ["enter-code", "enter-backup-code", "sign-out"]);
    }

    #[test]
    fn whoever_has_to_enrol_reaches_enrolment_and_the_way_out_only() {
        let reached = |who: Who| who != Who::Everyone && who.admits(Stage::Enrolling).is_ok();
        let acts: Vec<_> = ENDPOINTS.iter().filter(|row| reached(row.who)).map(|row| row.name).collect();
        let pages: Vec<_> = PAGES.iter().filter(|row| reached(row.who)).map(|row| row.path).collect();
        assert_eq!((acts, pages), (vec!["confirm-totp", "sign-out"], vec!["/account/mfa/enrol"]));
    }

    #[test]
    fn an_address_names_an_organisation_exactly_where_a_member_is_asked_for() {
        let pages = PAGES.iter().filter(|row| !row.path.starts_with("/operator")).map(|row| (row.path, row.who));
        for (path, who) in pages.chain(ENDPOINTS.iter().map(|row| (row.path, row.who))) {
            assert_eq!(path.contains("/o/{slug}"), who.permission().is_some(), "{path}");
        }
    }

    #[test]
    fn what_changes_an_organisation_has_a_permission_that_is_a_change() {
        use crate::permission::Effect;
        for row in ENDPOINTS {
            let effect = row.who.permission().map(Permission::effect);
            assert!(effect.is_none_or(|effect| effect != Effect::Read), "{}", row.name);
        }
    }

    #[test]
    fn every_optional_field_is_a_field() {
        for row in ENDPOINTS {
            assert!(row.optional.iter().all(|field| row.fields.contains(field)), "{}", row.name);
        }
    }
}
