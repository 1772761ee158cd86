//! `avouch migrate`.

use server::guard::Store;

use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened;

pub async fn run(config: &Config, only_status: bool) -> Result<(), Failure> {
    if only_status {
        // Opening makes the file; a look must not.
        if let server::guard::Where::Embedded(folder) = &config.place
            && !folder.join("avouch.db").exists()
        {
            return Err(Failure::check("pending: there is no database yet; avouch migrate or avouch serve makes it"));
        }
        let status = match Store::open(&config.place, false).await {
            Ok(store) => store.status().await?,
            Err(server::guard::OpenError::Behind) => {
                return Err(Failure::check("pending: the schema is not up to date; run avouch migrate"));
            }
            Err(error) => return Err(error.into()),
        };
        status.applied.iter().for_each(|name| say(format!("applied {name}")));
        say("the schema is up to date");
        return Ok(());
    }
    let opened = opened::open(config, true).await?;
    let status = opened.store.status().await?;
    say(format!("the schema is up to date, {} migrations applied", status.applied.len()));
    Ok(())
}
