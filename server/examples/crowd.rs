//! Fills a database for the benchmark, and measures what is measured beside it. Prints one line of JSON.
//!
//!     crowd seed   PLACE --organisations N --seats K [--members M --entries E] [--rounds R]
//!     crowd make   PLACE --organisations N
//!     crowd verify PLACE
//!     crowd append PLACE --changes N --session COOKIE
//!     crowd archive PLACE --records N --files M
//!     crowd import PLACE --rows N --session COOKIE
//!     crowd purge  PLACE
//!     crowd reviews PLACE --grants N
//!     crowd reviewing PLACE --grants N
//!
//! PLACE is `--profile FILE --data FOLDER [--postgres URL --admin URL]`, as the server is given them. `make` founds organisations as people do, in whichever mode the profile says;
//! `seed` writes rows in batches, for shared databases. The log is found again under the same place.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use server::crypto::keys::{self, MasterKey, Origin};
use server::crypto::password::Hasher;
use server::crypto::seal::SecretKey;
use server::guard::{Operator, Store, Where};
use server::identity::Accounts;
use server::identity::password_rules::Breached;
use server::profile::{Source, check};
use server::staged::crowd::{BIG, Crowd, Seat};
use server::vault::Vault;
use time::OffsetDateTime;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

type Trouble = Box<dyn std::error::Error>;

fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|word| word != name).nth(1)
}

fn number(name: &str) -> Result<usize, Trouble> {
    Ok(option(name).map_or(Ok(0), |text| text.parse())?)
}

/// The key beside the data, as the server makes and finds it outside production.
fn master_key(data: &Path) -> Result<MasterKey, Trouble> {
    let path = data.join("master.key");
    if !path.exists() {
        std::fs::create_dir_all(data)?;
        std::fs::write(&path, keys::encode(&SecretKey::random()?).as_bytes())?;
    }
    let key = keys::decode(&std::fs::read_to_string(&path)?).ok_or("master.key holds no key")?;
    Ok(MasterKey::new(key, Origin::BesideData))
}

async fn open() -> Result<Crowd, Trouble> {
    let now = OffsetDateTime::now_utc();
    let source = Source::named(&option("--profile").ok_or("--profile names a profile")?)?;
    let checked = check(&source, &source.text()?, now.date());
    let profile = Arc::new(checked.profile.ok_or_else(|| format!("{:?}", checked.errors))?);
    let data = PathBuf::from(option("--data").ok_or("--data names the folder that avouch serves")?);
    let master = Arc::new(master_key(&data)?);
    let place = match option("--postgres") {
        None => Where::Embedded(data.clone()),
        Some(url) => Where::Postgres { admin_url: option("--admin").unwrap_or_else(|| url.clone()), url },
    };
    let store = Arc::new(Store::open_as(&place, true, profile.isolation).await?);
    let operator = Operator::at_the_command_line(&store);
    let vault = Vault::open(&operator, master, "development", &data, now).await?;
    let accounts = Accounts {
        hasher: Hasher::start(&profile.policy.passwords)?,
        profile,
        vault,
        public_url: "http://127.0.0.1".into(),
        breached: Breached::default(),
        blobs: server::blobs::Blobs::open(&server::blobs::Place::below(&data))?,
        bell: Arc::default(),
    };
    Ok(Crowd { operator, accounts, now })
}

async fn seed(crowd: &Crowd) -> Result<Value, Trouble> {
    let (members, entries, began) = (number("--members")?, number("--entries")?, Instant::now());
    let big = if members > 0 { Some(crowd.big(members, i64::try_from(entries)?).await?) } else { None };
    let small = number("--organisations")?.saturating_sub(usize::from(big.is_some()));
    let seats = crowd.organisations(small, number("--seats")?).await?;
    let took_s = began.elapsed().as_secs_f64();
    let mut rounds_s = Vec::new();
    for _ in 0..number("--rounds")? {
        rounds_s.push(crowd.round().await?.as_secs_f64());
    }
    Ok(json!({ "big": big, "seats": seats, "took_s": took_s, "rounds_s": rounds_s }))
}

async fn make(crowd: &Crowd) -> Result<Value, Trouble> {
    let made = crowd.found(number("--organisations")?).await?;
    let (took_ms, seats): (Vec<f64>, Vec<Seat>) = made.into_iter().unzip();
    Ok(json!({ "seats": seats, "took_ms": took_ms }))
}

async fn verify(crowd: &Crowd) -> Result<Value, Trouble> {
    let (entries, took, bare) = crowd.verify().await?;
    let number = f64::from(u32::try_from(entries)?);
    Ok(json!({ "entries": entries, "rate": number / took.as_secs_f64(), "bare": number / bare.as_secs_f64() }))
}

async fn append(crowd: &Crowd) -> Result<Value, Trouble> {
    let (changes, session) = (number("--changes")?, option("--session").ok_or("--session is a cookie's value")?);
    let (whole, appended) = crowd.append(changes, &Seat { slug: BIG.into(), session }).await?;
    let number = f64::from(u32::try_from(changes)?);
    let each = |span: std::time::Duration| span.as_secs_f64() * 1000.0 / number;
    Ok(json!({ "changes": changes, "change_ms": each(whole), "append_ms": each(appended) }))
}

async fn archive(crowd: &Crowd) -> Result<Value, Trouble> {
    let (records, files) = (number("--records")?, number("--files")?);
    let tenant = crowd.filled(records, files).await?;
    Ok(serde_json::to_value(crowd.archive(tenant, records, files).await?)?)
}

async fn import(crowd: &Crowd) -> Result<Value, Trouble> {
    let (rows, session) = (number("--rows")?, option("--session").ok_or("--session is a cookie's value")?);
    let took = crowd.import(rows, &Seat { slug: BIG.into(), session }).await?;
    Ok(
        json!({ "rows": rows, "seconds": took.as_secs_f64(), "rate": f64::from(u32::try_from(rows)?) / took.as_secs_f64() }),
    )
}

async fn purge(crowd: &Crowd) -> Result<Value, Trouble> {
    Ok(json!({ "seconds": crowd.purge().await?.as_secs_f64() }))
}

async fn reviews(crowd: &Crowd) -> Result<Value, Trouble> {
    Ok(serde_json::to_value(crowd.review(number("--grants")?).await?)?)
}

async fn reviewing(crowd: &Crowd) -> Result<Value, Trouble> {
    let (seat, review) = crowd.reviewing(number("--grants")?).await?;
    Ok(json!({ "seat": seat, "review": review }))
}

#[tokio::main]
async fn main() -> Result<(), Trouble> {
    let crowd = open().await?;
    let said = match std::env::args().nth(1).as_deref() {
        Some("seed") => seed(&crowd).await?,
        Some("make") => make(&crowd).await?,
        Some("verify") => verify(&crowd).await?,
        Some("append") => append(&crowd).await?,
        Some("archive") => archive(&crowd).await?,
        Some("import") => import(&crowd).await?,
        Some("purge") => purge(&crowd).await?,
        Some("reviews") => reviews(&crowd).await?,
        Some("reviewing") => reviewing(&crowd).await?,
        Some(_) | None => return Err("crowd seed|make|verify|append|archive|import|purge|reviews|reviewing".into()),
    };
    Ok(writeln!(std::io::stdout(), "{said}")?)
}
