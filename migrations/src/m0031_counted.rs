//! How far a review is, kept by the database itself with whatever changes its items: a page costs the same for a hundred thousand.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0031_counted"
    }
}

/// Row by row, as SQLite's triggers are; the few numbers of a review stay in its cache.
const SQLITE: &[&str] = &[
    // An empty decision: none was made.
    "create table review_count (tenant_id blob not null, review_id blob not null, decision text not null, state text not null, \
     number integer not null, primary key (tenant_id, review_id, decision, state), \
     foreign key (tenant_id, review_id) references review (tenant_id, id) on delete cascade) without rowid",
    "create trigger review_item_added after insert on review_item begin \
       insert into review_count values (new.tenant_id, new.review_id, coalesce(new.decision, ''), new.state, 1) \
       on conflict do update set number = number + 1; end",
    "create trigger review_item_moved after update of decision, state on review_item \
     when old.decision is not new.decision or old.state <> new.state begin \
       update review_count set number = number - 1 where tenant_id = old.tenant_id and review_id = old.review_id \
         and decision = coalesce(old.decision, '') and state = old.state; \
       insert into review_count values (new.tenant_id, new.review_id, coalesce(new.decision, ''), new.state, 1) \
       on conflict do update set number = number + 1; end",
    "create trigger review_item_removed after delete on review_item begin \
       update review_count set number = number - 1 where tenant_id = old.tenant_id and review_id = old.review_id \
         and decision = coalesce(old.decision, '') and state = old.state; end",
    FILL,
];

/// Once for each statement. What goes with its review finds no number any more, and makes none.
const POSTGRES: &[&str] = &[
    "create table review_count (tenant_id uuid not null, review_id uuid not null, decision varchar(8) not null, state varchar(8) not null, \
     number bigint not null, primary key (tenant_id, review_id, decision, state), \
     foreign key (tenant_id, review_id) references review (tenant_id, id) on delete cascade)",
    "create function review_item_added() returns trigger language plpgsql as $$ begin \
       insert into review_count as c select tenant_id, review_id, coalesce(decision, ''), state, count(*) from added group by 1, 2, 3, 4 order by 1, 2, 3, 4 \
       on conflict (tenant_id, review_id, decision, state) do update set number = c.number + excluded.number; \
       return null; end $$",
    "create function review_item_moved() returns trigger language plpgsql as $$ begin \
       insert into review_count as c select tenant_id, review_id, coalesce(decision, ''), state, sum(n) from ( \
         select tenant_id, review_id, decision, state, -1 as n from before union all select tenant_id, review_id, decision, state, 1 from after \
       ) as moved group by 1, 2, 3, 4 having sum(n) <> 0 order by 1, 2, 3, 4 \
       on conflict (tenant_id, review_id, decision, state) do update set number = c.number + excluded.number; \
       return null; end $$",
    "create function review_item_removed() returns trigger language plpgsql as $$ begin \
       update review_count c set number = c.number - r.number from ( \
         select tenant_id, review_id, coalesce(decision, '') as decision, state, count(*) as number from removed group by 1, 2, 3, 4 \
       ) as r where (c.tenant_id, c.review_id, c.decision, c.state) = (r.tenant_id, r.review_id, r.decision, r.state); \
       return null; end $$",
    "create trigger review_item_added after insert on review_item \
     referencing new table as added for each statement execute function review_item_added()",
    "create trigger review_item_moved after update on review_item \
     referencing old table as before new table as after for each statement execute function review_item_moved()",
    "create trigger review_item_removed after delete on review_item \
     referencing old table as removed for each statement execute function review_item_removed()",
    // An owner under row security would find nothing to count. It is forced again when the schema is up to date.
    "alter table review_item no force row level security",
    FILL,
];

/// What was there before. From here on nobody comes in between: the triggers hold the table.
const FILL: &str = "insert into review_count \
     select tenant_id, review_id, coalesce(decision, ''), state, count(*) from review_item group by 1, 2, 3, 4";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let connection = schema.get_connection();
        let statements = match connection.get_database_backend() {
            DbBackend::Postgres => POSTGRES,
            DbBackend::Sqlite | DbBackend::MySql | _ => SQLITE,
        };
        for statement in statements {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
