//! Every command and option. What is not given falls back to `AVOUCH_*`, then to `avouch.toml`, then to the default.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A trust page whose every sentence is bound to what the running system enforces or to dated evidence.
///
/// Exit status: 0 done, 2 wrong usage or configuration, 3 a check failed.
#[derive(Debug, Parser)]
#[command(name = "avouch", version, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    pub options: Options,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Configuration")]
pub struct Options {
    /// The configuration file [default: avouch.toml, if it is there]
    #[arg(long, global = true, env = "AVOUCH_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// development, test or production [default: development]
    #[arg(long, global = true, env = "AVOUCH_ENVIRONMENT", value_name = "NAME")]
    pub environment: Option<String>,
    /// A shipped profile's name, or a path [default: aertous]
    #[arg(long, global = true, env = "AVOUCH_PROFILE", value_name = "NAME|FILE")]
    pub profile: Option<String>,
    /// Folder for the embedded database, files and exports [default: ./data]
    #[arg(long, global = true, env = "AVOUCH_DATA", value_name = "DIR")]
    pub data: Option<String>,
    /// postgres://…; empty means embedded SQLite below the data folder
    #[arg(long, global = true, env = "AVOUCH_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// The owner's login, for migrations [default: the same]
    #[arg(long, global = true, env = "AVOUCH_ADMIN_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub admin_database_url: Option<String>,
    /// Address to bind [default: 127.0.0.1:3000]
    #[arg(long, global = true, env = "AVOUCH_LISTEN", value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// The origin that people use [default: from the address to bind]
    #[arg(long, global = true, env = "AVOUCH_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Certificate chain in PEM: serve TLS directly
    #[arg(long, global = true, env = "AVOUCH_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// The certificate's private key in PEM
    #[arg(long, global = true, env = "AVOUCH_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<String>,
    /// Networks whose forwarded headers are believed, such as 10.0.0.0/8
    #[arg(long, global = true, env = "AVOUCH_TRUSTED_PROXIES", value_name = "NETWORKS")]
    pub trusted_proxies: Option<String>,
    /// Reference to 32 random bytes in base64: env:NAME, file:PATH or command:…
    #[arg(long, global = true, env = "AVOUCH_MASTER_KEY", value_name = "REFERENCE", hide_env_values = true)]
    pub master_key: Option<String>,
    /// smtp://…, smtps://…, or dir:PATH for one file per letter; with a password best as env:NAME [default: mail/ in the data folder]
    #[arg(long, global = true, env = "AVOUCH_MAIL", value_name = "URL|dir:PATH|REFERENCE", hide_env_values = true)]
    pub mail: Option<String>,
    /// Passwords known from breaches: sorted SHA-1 values, one a line, as Have I Been Pwned publishes them
    #[arg(long, global = true, env = "AVOUCH_BREACHED_PASSWORDS", value_name = "FILE")]
    pub breached_passwords: Option<String>,
    /// Object store for attached files and archives: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX [default: files/ in the data folder]
    #[arg(long, global = true, env = "AVOUCH_OBJECTS", value_name = "URL")]
    pub objects: Option<String>,
    /// Reference to lines of NAME=VALUE that let the program into the object store [default: the provider's own variables, or the machine's role]
    #[arg(long, global = true, env = "AVOUCH_OBJECTS_CREDENTIALS", value_name = "REFERENCE", hide_env_values = true)]
    pub objects_credentials: Option<String>,
    /// Where backups go: folders, or addresses such as s3://bucket/prefix, separated by commas [default outside production: backups/ in the data folder]
    #[arg(long, global = true, env = "AVOUCH_BACKUP_TO", value_name = "PLACES")]
    pub backup_to: Option<String>,
    /// Environment test only: a file with signed seconds that are added to the real time
    #[arg(long, global = true, env = "AVOUCH_CLOCK_FILE", value_name = "FILE")]
    pub clock_file: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until SIGTERM or SIGINT, then finish the requests under way
    Serve {
        /// Bring the schema up first (the default outside production)
        #[arg(long)]
        migrate: bool,
        /// Serve a profile even where this instance cannot keep a mode it promises; its claims then read unavailable
        #[arg(long)]
        accept_unavailable: bool,
    },
    /// Bring the schema up; refuses one that is newer than the program
    Migrate {
        /// Only say what is applied; status 3 if something is pending
        #[arg(long)]
        status: bool,
    },
    /// Work with profiles
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Run once all scheduled work that is due by the clock; one JSON line per job
    Tick,
    /// Run every control's check against this instance; status 3 if one is failing
    Selftest {
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Work with evidence
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// Switch tuneable checks off and on; the page says so at once
    #[command(subcommand)]
    Control(ControlCommand),
    /// Work with the hash-chained logs
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Work with the vendor's own staff
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Work with subscriptions
    #[command(subcommand)]
    Billing(BillingCommand),
    /// Work with legal holds, which keep what the law requires to be kept
    #[command(subcommand)]
    Hold(HoldCommand),
    /// Work with certificates of destruction
    #[command(subcommand)]
    Certificate(CertificateCommand),
    /// Work with data keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Take an organisation's archive in, whole or not at all; it must not be here yet
    Import {
        /// The archive, as the organisation's export page gave it
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// Another address than the one it had
        #[arg(long, value_name = "SLUG")]
        slug: Option<String>,
        /// What two of the staff approved: needed for a masked archive of production in development and test
        #[arg(long, value_name = "FILE")]
        approval: Option<PathBuf>,
    },
    /// List the newest letters: when, what kind, sent or not; neither to whom nor what they say
    Mail {
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Take a backup: consistent, sealed before it leaves the process, with a receipt for each place
    Backup {
        /// A folder, or an address such as s3://bucket/prefix; may be given again [default: the configured places]
        #[arg(long, value_name = "DIR|URL")]
        to: Vec<String>,
    },
    /// Restore a backup into an empty data folder (--data) and, on a server, an empty database; compare it row by row
    Restore {
        /// The backup's file
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// The keyring [default: the one beside the backup]
        #[arg(long, value_name = "FILE")]
        keys: Option<PathBuf>,
    },
    /// Restore the newest backup into a scratch place, compare it, and record how long that took and how old it was
    Drill,
    /// Check configuration, keys, clock, schema and disk; say what to do about each
    Doctor,
}

#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// Check a profile: every error with line and column, then the warnings
    Check {
        /// A path, or a shipped profile's name
        file: String,
    },
    /// Take the configured profile for this data in place of the one that it was of; refused while somebody has a role that it does not know
    Adopt,
}

#[derive(Debug, Subcommand)]
pub enum EvidenceCommand {
    /// Record evidence for a claim
    Add(AddEvidence),
    /// List what is on record: number, claim, date, and until when it holds or since when it is withdrawn
    List,
    /// Withdraw a record that was wrong: its claim is decided without it at once; it stays on record as withdrawn
    Withdraw {
        /// The record's number, as it was printed when it was recorded
        #[arg(value_name = "RECORD")]
        record: String,
        /// Why it counts no longer; stands in the platform's log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub struct AddEvidence {
    /// The claim, such as P011
    #[arg(long, value_name = "ID")]
    pub claim: String,
    /// The day the evidence is of, such as 2026-04-30
    #[arg(long, value_name = "DATE")]
    pub date: String,
    /// What it says; kept sealed. It or a file is needed
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// A file to keep sealed; its SHA-256 is published. At most 32 MiB
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// What a record must say, as name=value; may be given again
    #[arg(long, value_name = "NAME=VALUE")]
    pub field: Vec<String>,
    /// The certification that this is the certificate of
    #[arg(long, value_name = "NAME")]
    pub certifies: Option<String>,
    /// The last day on which the certificate is valid
    #[arg(long, value_name = "DATE")]
    pub expires: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum ControlCommand {
    /// List the controls, their checks, and what is switched off
    List,
    /// Switch a tuneable check off; its claims fail at once
    Off {
        /// control/check, such as web-hygiene/rate-limits
        check: String,
        /// Why; it is published
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Switch a check on again
    On {
        /// control/check
        check: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walk every log and compare it with its signed heads; status 3 and the first bad entry if one is broken
    Verify {
        /// Only the log of this organisation
        #[arg(long, value_name = "SLUG")]
        organisation: Option<String>,
    },
    /// Print the public key that verifies signed heads
    Key,
}

#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Make an operator and print a one-time enrolment link
    Add {
        /// The address of one of the staff, used for nothing else here
        #[arg(long, value_name = "ADDRESS")]
        email: String,
    },
    /// Take a seat away: the account is disabled and signed out
    Remove {
        #[arg(long, value_name = "ADDRESS")]
        email: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum BillingCommand {
    /// Set where an organisation's subscription stands
    Standing {
        #[arg(long, value_name = "SLUG")]
        organisation: String,
        /// trialing, active, past_due, lapsed or cancelled
        state: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum HoldCommand {
    /// Place a hold: nothing that it covers is destroyed before it ends
    ///
    /// When the organisation's time is over, a hold on it or on a person keeps all of it. Where only records are held, those are kept, with
    /// their history and files, and the rest is destroyed.
    Place {
        #[arg(long, value_name = "SLUG")]
        organisation: String,
        /// organisation, person or record
        #[arg(long, value_name = "KIND", default_value = "organisation")]
        kind: String,
        /// The id of the person or the record
        #[arg(long, value_name = "ID")]
        subject: Option<String>,
        /// The law, the order or the case
        #[arg(long, value_name = "TEXT")]
        basis: String,
        /// What has to be kept
        #[arg(long, value_name = "TEXT")]
        scope: String,
        /// The last day, such as 2027-04-30
        #[arg(long, value_name = "DATE")]
        until: String,
    },
    /// Lift a hold before its end
    Lift {
        #[arg(long, value_name = "SLUG")]
        organisation: String,
        #[arg(value_name = "ID")]
        hold: String,
    },
    /// List the holds of an organisation
    List {
        #[arg(long, value_name = "SLUG")]
        organisation: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum CertificateCommand {
    /// Verify a downloaded certificate; status 3 if it was changed or signed with another key
    Verify {
        file: PathBuf,
        /// The public key in hexadecimal [default: the one of this instance]
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a new data key, which seals from a minute later on; what was sealed before still opens
    Rotate {
        /// The key of this organisation [default: the platform's]
        #[arg(long, value_name = "SLUG", conflicts_with = "all")]
        organisation: Option<String>,
        /// The platform's key and every organisation's
        #[arg(long)]
        all: bool,
    },
    /// List the keys by owner and age; never a key itself
    List,
}
