//! Every column of every table is known for what it is: in the open for a reason, sealed, or a hash.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseConnection};
use server::guard::TENANT_TABLES;

use crate::common::*;

/// In the open, and why it may be.
const CLEAR: &[(&str, &str)] = &[
    (
        "an id says nothing by itself",
        "instance.id finding.id evidence.id evidence.key_id evidence.recorded_by platform_entry.subject data_key.id data_key.owner account.id organisation.id \
         membership.tenant_id membership.account_id membership.granted_by reach.granted_by totp.account_id backup_code.account_id known_device.account_id session.public_id \
         session.account_id token.account_id letter.id account_chain.account_id account_entry.account_id custom_role.tenant_id \
         unit.tenant_id unit.id reach.tenant_id reach.account_id reach.target invitation.tenant_id invitation.id invitation.unit_id \
         invitation.invited_by departure.tenant_id departure.id departure.account_id departure.successor_id departure.asked_by \
         help_grant.tenant_id help_grant.id help_grant.account_id help_grant.given_by tally.tenant_id outbox.tenant_id outbox.id \
         environment.tenant_id environment.location entry.tenant_id entry.actor entry.subject signed_head.tenant_id log_head.tenant_id \
         delivered.tenant_id delivered.id record.tenant_id record.id record.unit_id record.made_by record.act_id \
         record_token.tenant_id record_token.record_id record_unique.tenant_id record_unique.record_id record_change.tenant_id \
         record_change.record_id record_change.changed_by record_change.act_id record_count.tenant_id act.tenant_id act.id \
         act.made_by act.first_id act.last_id export.tenant_id export.id export.requested_by former_log.tenant_id former_log.blob \
         personal_copy.account_id personal_copy.id export_approval.operator_id \
         file.tenant_id file.id file.record_id file.made_by organisation.certificate_id organisation.reduced_certificate_id \
         account.certificate_id legal_hold.tenant_id legal_hold.id legal_hold.subject legal_hold.placed_by purge.id \
         purge.certificate_id certificate.id certificate.subject backup_receipt.id backup_receipt.backup_id drill_receipt.id \
         component.id review.tenant_id review.id review.fallback_id review.made_by review.closed_by review.scope_of \
         review_count.tenant_id review_count.review_id review_reviewer.tenant_id review_reviewer.review_id review_reviewer.account_id review_reviewer.delegate_id \
         review_item.tenant_id review_item.id review_item.review_id review_item.account_id review_item.target_id \
         review_item.granted_by review_item.reviewer_id review_item.decided_by review_item.note_id review_item.act_id review_item.settled_by review_item.settled_note_id seat_review_item.settled_by \
         review_vote.tenant_id review_vote.item_id review_vote.review_id review_vote.decided_by review_vote.note_id \
         review_vote.act_id review_note.tenant_id review_note.id review_note.review_id review_note.item_id review_note.by_id \
         calendar_key.tenant_id calendar_key.account_id seat_review.id seat_review.made_by seat_review.closed_by \
         seat_review_item.id seat_review_item.review_id seat_review_item.account_id seat_review_item.decided_by \
         evidence_withdrawal.evidence_id evidence_withdrawal.withdrawn_by",
    ),
    (
        "it is published, or about what is published",
        "finding.check_path finding.profile finding.outcome finding.said evidence.profile evidence.claim evidence.dated \
         evidence.certifies evidence.expires trust_change.profile trust_change.seq trust_change.claim trust_change.kind \
         trust_change.from_state trust_change.to_state trust_change.sentence trust_change.reason check_switch.check_path instance.profile \
         evidence_withdrawal.reason \
         check_switch.reason departure.due_rule signed_head.public_key signed_head.signature certificate.kind certificate.body \
         certificate.public_key certificate.signature",
    ),
    (
        "when something happened is asked of the database",
        "instance.since_ms finding.checked_at_ms evidence.recorded_at_ms evidence_withdrawal.at_ms trust_change.at_ms trust_change.since_ms check_switch.off_since_ms \
         platform_entry.at_ms data_key.made_at_ms account.password_set_at_ms account.created_at_ms account.disabled_at_ms \
         account.factor_changed_at_ms account.seen_at_ms organisation.created_at_ms organisation.standing_since_ms \
         organisation.standing_until_ms membership.since_ms membership.ends_at_ms membership.granted_at_ms reach.granted_at_ms totp.confirmed_at_ms known_device.seen_at_ms \
         session.factor_at_ms session.password_at_ms session.created_at_ms session.seen_at_ms session.idle_until_ms session.ends_at_ms \
         token.made_at_ms token.ends_at_ms allowance.full_at_ms letter.queued_at_ms letter.due_at_ms letter.done_at_ms \
         account_entry.at_ms custom_role.made_at_ms unit.made_at_ms invitation.made_at_ms invitation.ends_at_ms departure.asked_at_ms \
         departure.at_ms departure.due_at_ms departure.done_at_ms help_grant.given_at_ms help_grant.ends_at_ms help_grant.ended_at_ms \
         tally.day entry.at_ms signed_head.at_ms signed_head.before_ms record.made_at_ms record.changed_at_ms \
         record.removed_at_ms record_change.at_ms export.requested_at_ms export.beat_at_ms export.ready_at_ms export.expires_at_ms \
         personal_copy.made_at_ms personal_copy.expires_at_ms export_approval.at_ms export_approval.expires_at_ms \
         act.made_at_ms act.touched_at_ms file.made_at_ms file.removed_at_ms \
         organisation.closed_at_ms organisation.purge_at_ms organisation.purge_began_at_ms organisation.reduced_at_ms organisation.standing_before_until_ms \
         account.delete_asked_at_ms account.delete_at_ms legal_hold.placed_at_ms legal_hold.ends_at_ms legal_hold.lifted_at_ms \
         purge.closed_at_ms purge.due_at_ms purge.began_at_ms certificate.at_ms backup_receipt.started_at_ms \
         backup_receipt.finished_at_ms backup_receipt.pruned_at_ms drill_receipt.at_ms keyring_copy.written_at_ms job.at_ms component.changed_at_ms \
         review.made_at_ms review.opened_at_ms review.due_at_ms review.closed_at_ms review.escalated_at_ms \
         review_reviewer.since_ms review_item.granted_at_ms review_item.ends_at_ms review_item.last_used_ms \
         review_item.decided_at_ms review_item.applied_at_ms review_item.settled_at_ms seat_review_item.settled_at_ms review_item.ended_at_ms review.held_back_at_ms review_vote.decided_at_ms review_note.at_ms \
         calendar_key.made_at_ms calendar_key.used_at_ms seat_review.opened_at_ms seat_review.due_at_ms \
         seat_review.closed_at_ms seat_review.escalated_at_ms seat_review_item.granted_at_ms seat_review_item.last_used_ms \
         seat_review_item.decided_at_ms",
    ),
    (
        "a word or a number of the program's own",
        "finding.took_ms evidence.file_bytes platform_entry.seq platform_entry.actor platform_entry.action data_key.environment \
         revision.id revision.number account.kind account.date_style account.must_enrol organisation.standing organisation.reminded \
         membership.kind membership.scope totp.last_step token.purpose letter.kind letter.state letter.tries letter.trouble \
         account_chain.seq account_entry.seq account_entry.action custom_role.permissions reach.kind tally.what tally.count entry.seq \
         entry.actor_kind entry.action entry.outcome signed_head.kind signed_head.seq log_head.seq record.version \
         export.kind export.state export.attempt export.done_rows export.total_rows export.bytes export.trouble former_log.name \
         former_log.bytes personal_copy.bytes \
         record_change.version record_change.kind act.kind act.state act.rows act.done_rows act.trouble file.bytes \
         organisation.standing_before legal_hold.kind legal_hold.placed_kind purge.found purge.keeps certificate.seq backup_receipt.bytes backup_receipt.outcome backup_receipt.said drill_receipt.rto_ms \
         drill_receipt.rpo_ms drill_receipt.bytes drill_receipt.rows_compared drill_receipt.outcome drill_receipt.said \
         job.name job.outcome job.said component.critical component.rto_hours component.rpo_hours review.scope review.silence review.effect review.state \
         review.origin review.stages review.items review.found review.outcome review.reminded review.when_due review_item.alone review_reviewer.stage \
         review_item.kind review_item.target_kind review_item.has_factor review_item.privileged review_item.orphaned \
         review_item.previous review_item.advice review_item.reason review_item.stage review_item.decision \
         review_item.silent review_item.state review_count.decision review_count.state review_count.number review_vote.stage review_vote.decision review_note.kind seat_review.silence \
         seat_review.state seat_review.origin seat_review.items seat_review.reminded seat_review_item.has_factor \
         seat_review_item.previous seat_review_item.advice seat_review_item.reason seat_review_item.decision \
         seat_review_item.silent seat_review_item.state",
    ),
    (
        "the profile names it, and declares clear what is counted, filtered and sorted",
        "record.register record.k1 record.k2 record.k3 record.k4 record.k5 record_count.register record_count.what \
         record_count.value record_count.count act.register file.field",
    ),
    ("a part of the vendor's own service", "component.name"),
    (
        "where a copy lies, without any credentials, which are not in it",
        "backup_receipt.destination backup_receipt.object drill_receipt.destination drill_receipt.object \
         keyring_copy.destination",
    ),
    (
        "every request asks what its caller's role permits, and the database answers",
        "membership.role custom_role.name invitation.role help_grant.role review_item.role review_item.new_role review_vote.new_role",
    ),
    ("ids, and why a check was switched off, which is published", "platform_entry.detail"),
    ("one of a few hundred names, with which every page is drawn", "account.time_zone"),
    ("it is the address of the organisation's pages", "organisation.slug"),
    ("the local path on which somebody goes on after signing in", "session.data"),
    ("an entry on its way: what is confidential of it is sealed already", "outbox.event"),
];

/// AES-256-GCM, under the organisation's key or the platform's; the keys themselves under the master key.
const SEALED: &str = "evidence.note evidence.fields evidence.file_name data_key.wrapped account.address account.name account.trace \
    organisation.name totp.secret session.origin token.payload letter.content account_entry.origin unit.name invitation.address \
    export_approval.purpose \
         departure.name departure.receipt help_grant.reason entry.detail record.content record_change.content file.facts \
         legal_hold.basis legal_hold.scope review.name review_item.address review_note.content review_note.salt seat_review.name \
         seat_review_item.note seat_review_item.note_salt seat_review_item.settled_note seat_review_item.settled_salt";

/// Keyed, or of what cannot be guessed: it tells whether something is the same, and nothing else.
const HASHED: &str = "export.sha256 export.content_sha256 former_log.sha256 personal_copy.sha256 export_approval.archive_sha256 \
    evidence.file_sha256 trust_change.previous_hash trust_change.hash platform_entry.previous_hash \
    platform_entry.hash account.address_index account.password_hash backup_code.code_hash known_device.device_hash session.id_hash \
    token.token_hash token.address_index allowance.bucket account_chain.hash account_entry.previous_hash account_entry.hash \
    unit.name_index invitation.address_index invitation.token_hash entry.hash signed_head.hash log_head.hash \
         record_token.token record_unique.token purge.slug_sha256 backup_receipt.sha256 keyring_copy.digest \
         review.population_sha256 calendar_key.token_hash seat_review.population_sha256";

/// What only a database of one organisation has: whose it is.
const OWNER: &str = "owner.only_row owner.tenant_id";

fn words(list: &str) -> impl Iterator<Item = String> {
    list.split(' ').filter(|word| !word.is_empty()).map(str::to_owned)
}

/// Every column that is known, as often as it is named.
fn known() -> Vec<String> {
    CLEAR.iter().map(|(_, list)| *list).chain([SEALED, HASHED]).flat_map(words).collect()
}

/// Every column that is there, with its table.
async fn there(database: &DatabaseConnection) -> BTreeSet<String> {
    let sql = if on_postgres(database) {
        "select table_name::text, column_name::text from information_schema.columns where table_schema = 'public'"
    } else {
        "select m.name, c.name from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table'"
    };
    let rows = database.query_all_raw(statement(database, sql, Vec::new())).await.expect("schema");
    let text = |row: &sea_orm::QueryResult, at| row.try_get_by_index::<String>(at).expect("a name");
    let columns = rows.iter().map(|row| format!("{}.{}", text(row, 0), text(row, 1)));
    columns.filter(|column| !column.starts_with("seaql_") && !column.starts_with("sqlite_")).collect()
}

#[tokio::test]
async fn every_column_is_known_for_exactly_one_thing() {
    let world = world("aertous").await;
    let mut known = known();
    known.sort();
    let there: Vec<String> = there(&world.behind().await).await.into_iter().collect();
    assert_eq!(known, there);
}

#[tokio::test]
async fn a_database_of_one_organisation_has_what_it_keeps_and_whose_it_is_and_nothing_else() {
    let world = world("stack-aero").await;
    let ada = ada(&world).await;
    let own: BTreeSet<&str> = TENANT_TABLES.iter().filter(|table| table.own).map(|table| table.name).collect();
    let kept = known().into_iter().filter(|column| column.split('.').next().is_some_and(|table| own.contains(table)));
    assert_eq!(there(&world.behind_log(ada.tenant).await).await, kept.chain(words(OWNER)).collect());
}

#[tokio::test]
async fn the_tables_of_organisations_are_those_that_say_whose_a_row_is() {
    let world = world("aertous").await;
    let columns = there(&world.behind().await).await;
    let having: BTreeSet<&str> = columns.iter().filter_map(|column| column.strip_suffix(".tenant_id")).collect();
    assert_eq!(having, TENANT_TABLES.iter().map(|table| table.name).collect());
}

#[tokio::test]
async fn a_column_that_is_called_sealed_is_sealed_and_no_two_values_are_alike() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        joins(&world, &ada, GRACE, plain).await;
        unit(&world, &ada, "North").await;
        invite(&world, &ada, EVE, plain).await.expect("invite");
        let (platform, own) = (world.behind().await, world.behind_log(ada.tenant).await);
        let mut looked_at = 0;
        for sealed in words(SEALED).filter(|column| column != "data_key.wrapped") {
            let (table, column) = sealed.split_once('.').expect("a table and a column");
            let database = if table == "entry" { &own } else { &platform };
            let sql = format!("select {column} from {table} where {column} is not null");
            let rows = database.query_all_raw(statement(database, &sql, Vec::new())).await.expect("rows");
            let values: Vec<Vec<u8>> = rows.iter().map(|row| row.try_get_by_index(0).expect("bytes")).collect();
            // The mark of the format, the key's id, the inner format's mark, a nonce and a tag.
            let is_sealed = |value: &Vec<u8>| value.len() >= 1 + 16 + 1 + 12 + 16 && value[0] == 2 && value[17] == 1;
            assert!(values.iter().all(is_sealed), "{mode}: {sealed}");
            assert_eq!(values.iter().collect::<BTreeSet<_>>().len(), values.len(), "{mode}: {sealed}");
            looked_at += values.len();
        }
        assert!(looked_at > 10, "{mode}: {looked_at}");
    }
}
