//! Registers and frameworks through their pages and forms, as a browser without script and as a program use them.

use contract::access::Stage;
use contract::standing::Standing;
use serde_json::Value;
use server::staged::{Insider, Staged};
use server::testing::profile;

use crate::common::{Browser, Served, of_profile, raw, status};

/// Somebody at work in an organisation of the first shipped profile.
pub struct Desk {
    pub served: Served,
    pub ours: Staged,
    pub ada: Insider,
    pub browser: Browser,
}

pub const CONTROLS: &str = "/o/ours/registers/controls";
pub const ACTS: &str = "/api/o/ours/registers/controls";

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

pub fn told(answer: &str) -> Value {
    serde_json::from_str(body(answer)).unwrap_or_else(|_| unreachable!("no JSON: {answer}"))
}

pub async fn desk() -> Desk {
    let wide = [
        ("reads_per_minute = 600", "reads_per_minute = 600000"),
        ("changes_per_minute = 120", "changes_per_minute = 120000"),
    ];
    let mut served = of_profile(profile("aertous", &wide)).await;
    served.world.now = time::OffsetDateTime::now_utc();
    let ours = served.world.stage_organisation("ours", "Ours", Standing::Active).await;
    let (ada, browser) = member(&served, &ours).await;
    Desk { served, ours, ada, browser }
}

/// Somebody in the role that may most.
async fn member(served: &Served, ours: &Staged) -> (Insider, Browser) {
    let roles = &served.world.profile.roles;
    let (role, _) = roles.iter().max_by_key(|(_, role)| role.grants.len()).expect("a role");
    let person = served.world.stage_person(Some((ours, role)), Stage::SteppedUp).await;
    let mut browser = Browser::new(served.address);
    browser.sign_in_with(&person.session);
    (person, browser)
}

impl Desk {
    /// Makes a control, and gives its id.
    async fn add(&mut self, name: &str) -> String {
        let mail = self.ada.address.clone();
        let fields = [("name", name), ("requirement", "soc-2:CC6.1"), ("owner", &mail), ("status", "Planned")];
        let made = self.browser.send(&format!("{CONTROLS}/new"), &format!("{ACTS}/create-record"), &fields).await;
        assert_eq!(status(&made), 200, "{made}");
        told(&made)["record"].as_str().expect("an id").to_owned()
    }

    pub async fn act(&mut self, act: &str, fields: &[(&str, &str)]) -> String {
        self.browser.send("/account", &format!("{ACTS}/{act}"), fields).await
    }

    pub async fn page(&mut self, path: &str) -> String {
        self.browser.get(path, "accept: text/html\r\n").await
    }

    pub async fn import(&mut self, mode: &str, csv: &str, accept: &str) -> String {
        self.upload(&format!("{ACTS}/import-records"), ("mode", mode), ("controls.csv", csv), accept).await
    }

    /// Sends a form with one field and a file.
    async fn upload(
        &mut self,
        path: &str,
        (field, value): (&str, &str),
        (name, text): (&str, &str),
        accept: &str,
    ) -> String {
        let token = self.browser.token("/account").await;
        let part = |name: &str, more: &str, text: &str| {
            format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"{more}\r\n\r\n{text}\r\n")
        };
        let named = format!("; filename=\"{name}\"\r\ncontent-type: application/octet-stream");
        let body =
            format!("{}{}{}--x--\r\n", part("csrf", "", &token), part(field, "", value), part("file", &named, text));
        let accept = format!("accept: {accept}\r\n");
        self.browser.forged(path, "multipart/form-data; boundary=x", &accept, &body).await
    }
}

#[tokio::test]
async fn a_record_is_made_changed_removed_and_brought_back_without_script() {
    let mut desk = desk().await;
    let fields = [
        ("name", "Locks"),
        ("requirement", "cc6.1"),
        ("owner", &desk.ada.address.clone()),
        ("status", "Planned"),
        ("nature", ""),
        ("nature", "Detective"),
        ("nature", "Corrective"),
    ];
    let made = desk.browser.form(&format!("{CONTROLS}/new"), &format!("{ACTS}/create-record"), &fields).await;
    let place =
        made.split("location: ").nth(1).and_then(|rest| rest.split("?done").next()).expect("a way on").to_owned();
    assert!(status(&made) == 303 && place.starts_with(CONTROLS), "{made}");
    let page = desk.page(&place).await;
    for said in ["Locks", "soc-2:CC6.1", "Corrective, Detective", "Somebody", "Added"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let id = place.rsplit('/').next().expect("an id").to_owned();
    let list = desk.page(CONTROLS).await;
    assert!(list.contains(&format!("data-record=\"{id}\"")), "{list}");

    let form = desk.page(&format!("{place}/edit")).await;
    assert!(form.contains("value=\"Locks\"") && form.contains("name=\"version\" value=\"1\""), "{form}");
    let change = [("record", id.as_str()), ("version", "1"), ("status", "In place"), ("nature", "")];
    let changed = desk.browser.form(&format!("{place}/edit"), &format!("{ACTS}/edit-record"), &change).await;
    assert_eq!(status(&changed), 303, "{changed}");
    let page = desk.page(&place).await;
    assert!(page.contains("Status: \u{201c}Planned\u{201d} became \u{201c}In place\u{201d}"), "{page}");
    assert!(page.contains("Nature: \u{201c}Corrective, Detective\u{201d} became nothing"), "{page}");

    let removed = desk.act("delete-record", &[("record", &id)]).await;
    assert_eq!(status(&removed), 200, "{removed}");
    assert!(!desk.page(CONTROLS).await.contains(&id));
    let next = told(&removed)["next"].as_str().expect("a way on").to_owned();
    let after = desk.page(&next).await;
    assert!(after.contains("Removed.") && after.contains("data-action=\"restore-record\""), "{after}");
    assert!(after.contains(&format!("name=\"record\" value=\"{id}\"")), "{after}");
    assert!(desk.page(&format!("{CONTROLS}/bin")).await.contains(&id));
    assert_eq!(status(&desk.act("restore-record", &[("record", &id)]).await), 200);
    assert!(desk.page(CONTROLS).await.contains(&id));
}

#[tokio::test]
async fn what_does_not_fit_is_said_beside_each_field_and_nothing_is_saved() {
    let mut desk = desk().await;
    let bad = [
        ("name", ""),
        ("requirement", "CC99"),
        ("owner", "nobody@acme.example"),
        ("status", "Perhaps"),
        ("colour", "red"),
        ("next_review", "soon"),
    ];
    let refused = desk.act("create-record", &bad).await;
    assert_eq!(status(&refused), 422, "{refused}");
    let told = told(&refused);
    let mut blamed: Vec<&str> =
        told["errors"].as_array().expect("errors").iter().filter_map(|error| error["field"].as_str()).collect();
    blamed.sort_unstable();
    assert_eq!(blamed, ["colour", "name", "next_review", "owner", "requirement", "status"]);
    let bad = [("name", "Typed <b>once"), ("status", "Perhaps"), ("owner", "nobody@acme.example")];
    let page = desk.browser.form(&format!("{CONTROLS}/new"), &format!("{ACTS}/create-record"), &bad).await;
    assert_eq!(status(&page), 422, "{page}");
    assert!(page.contains("value=\"Typed &lt;b&gt;once\"") && page.contains("value=\"nobody@acme.example\""), "{page}");
    assert!(page.contains("href=\"#f-owner\"") && page.contains("id=\"f-owner-wrong\""), "{page}");
    assert!(desk.page(CONTROLS).await.contains("No records yet"));
}

#[tokio::test]
async fn whoever_saves_second_is_told_and_keeps_what_they_typed() {
    let mut desk = desk().await;
    let id = desk.add("Locks").await;
    assert_eq!(status(&desk.act("edit-record", &[("record", &id), ("version", "1"), ("name", "Doors")]).await), 200);
    let second = [("record", id.as_str()), ("version", "1"), ("name", "Windows")];
    assert_eq!(status(&desk.act("edit-record", &second).await), 409);
    let page = desk.browser.form(&format!("{CONTROLS}/{id}/edit"), &format!("{ACTS}/edit-record"), &second).await;
    assert!(
        status(&page) == 409 && page.contains("value=\"Windows\"") && page.contains("Open it as it is now"),
        "{page}"
    );
    assert!(desk.page(&format!("{CONTROLS}/{id}")).await.contains("<h1>Doors</h1>"));
}

#[tokio::test]
async fn many_are_changed_and_removed_at_once_and_the_last_act_is_undone() {
    let mut desk = desk().await;
    let ids = [desk.add("Locks").await, desk.add("Logs").await];
    let set = [("records", ids[0].as_str()), ("records", &ids[1]), ("field", "status"), ("value", "In place")];
    let changed = desk.browser.form(CONTROLS, &format!("{ACTS}/edit-records"), &set).await;
    assert_eq!(status(&changed), 303, "{changed}");
    let list = desk.page(CONTROLS).await;
    assert!(list.contains("2 records were changed at once") && list.contains("In place: 2"), "{list}");
    let act = list.split("data-act=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an act").to_owned();
    assert_eq!(told(&desk.act("undo-act", &[("act", &act)]).await)["undone"], 2);
    assert!(desk.page(CONTROLS).await.contains("Planned: 2"));

    for (bad, field) in [
        ([("records", ids[0].as_str()), ("field", "status"), ("value", "Perhaps")], "value"),
        ([("records", ids[0].as_str()), ("field", "name"), ("value", "Same")], "field"),
        ([("records", "x"), ("field", "status"), ("value", "Planned")], "records"),
    ] {
        let refused = desk.act("edit-records", &bad).await;
        assert!(status(&refused) == 422 && told(&refused)["errors"][0]["field"] == field, "{refused}");
    }
    // A refused act on many loses no tick, but for what is gone.
    let gone = uuid::Uuid::nil().to_string();
    let fields = [("records", ids[0].as_str()), ("records", gone.as_str()), ("field", "status"), ("value", "Planned")];
    let refused = desk.browser.form(CONTROLS, &format!("{ACTS}/edit-records"), &fields).await;
    let ticked = |id: &str| {
        refused
            .split("<input")
            .filter_map(|tag| tag.split('>').next())
            .any(|tag| tag.contains(id) && tag.contains(" checked"))
    };
    assert_eq!((status(&refused), ticked(&ids[0]), ticked(&ids[1])), (422, true, false), "{refused}");
    assert!(!refused.contains(&gone), "{refused}");
    let both = ids.join("\n");
    assert_eq!(told(&desk.act("delete-records", &[("records", &both)]).await)["removed"], 2);
    assert!(desk.page(CONTROLS).await.contains("No records yet"));
}

#[tokio::test]
async fn a_list_is_searched_narrowed_ordered_and_says_when_nothing_fits() {
    let mut desk = desk().await;
    for name in ["Locks on doors", "Logs"] {
        desk.add(name).await;
    }
    let shows = |page: &str| (page.contains(">Locks on doors</a>"), page.contains(">Logs</a>"));
    for (query, wanted) in [
        ("", (true, true)),
        ("?search=DOORS", (true, false)),
        ("?c1=Planned", (true, true)),
        ("?c1=In+place", (false, false)),
        ("?requirement=cc6.1", (true, true)),
        ("?requirement=soc-2%3ACC7.2", (false, false)),
        ("?sort=next_review", (true, true)),
        ("?sort=-status", (true, true)),
        ("?from=2020-01-01&to=2020-12-31", (false, false)),
    ] {
        let page = desk.page(&format!("{CONTROLS}{query}")).await;
        assert!(status(&page) == 200 && shows(&page) == wanted, "{query}: {page}");
    }
    assert!(desk.page(&format!("{CONTROLS}?search=nothing")).await.contains("Nothing fits"));
    let person = desk.ada.account;
    assert_eq!(shows(&desk.page(&format!("{CONTROLS}?person={person}")).await), (true, true));
}

#[tokio::test]
async fn whoever_reaches_one_unit_finds_no_record_of_another() {
    let mut desk = desk().await;
    for unit in ["North", "South"] {
        let made = desk.browser.send("/o/ours/units", "/api/o/ours/create-unit", &[("name", unit)]).await;
        assert_eq!(status(&made), 200, "{made}");
    }
    let units = desk.page("/o/ours/units").await;
    let unit = |name: &str| {
        let row = units.split("data-unit=\"").find(|row| row.contains(&format!(">{name}<"))).expect("a unit");
        row.split('"').next().unwrap_or_default().to_owned()
    };
    let (north, south) = (unit("North"), unit("South"));
    let mut ids = Vec::new();
    for (name, unit) in [("Locks", &north), ("Logs", &south)] {
        let id = desk.add(name).await;
        assert_eq!(status(&desk.act("edit-record", &[("record", &id), ("unit", unit)]).await), 200);
        ids.push(id);
    }
    let (grace, mut browser) = member(&desk.served, &desk.ours).await;
    let narrow = [("member", grace.account.to_string()), ("unit", north.clone())];
    let narrow = narrow.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(status(&desk.browser.send("/account", "/api/o/ours/grant-reach", &narrow).await), 200);

    let page = |id: &str| format!("{CONTROLS}/{id}");
    assert_eq!(status(&browser.get(&page(&ids[0]), "").await), 200);
    for path in
        [page(&ids[1]), format!("{}/edit", page(&ids[1])), page("nothing"), page(&uuid::Uuid::now_v7().to_string())]
    {
        assert_eq!(status(&browser.get(&path, "").await), 404, "{path}");
    }
    let list = browser.get(CONTROLS, "").await;
    assert!(list.contains(&ids[0]) && !list.contains(&ids[1]) && !list.contains("Logs"), "{list}");
    for act in ["edit-record", "delete-record"] {
        let refused = browser.send("/account", &format!("{ACTS}/{act}"), &[("record", &ids[1])]).await;
        assert_eq!(status(&refused), 404, "{act}: {refused}");
    }
    let refused = browser.send("/account", &format!("{ACTS}/delete-records"), &[("records", &ids[1])]).await;
    assert_eq!(status(&refused), 422, "{refused}");
}

#[tokio::test]
async fn a_catalogue_shows_what_is_mapped_and_how_old_its_evidence_is() {
    let mut desk = desk().await;
    let id = desk.add("Locks").await;
    let page = "/o/ours/frameworks/soc-2";
    let state = |page: &str, requirement: &str| {
        let row = page.split(&format!("data-requirement=\"{requirement}\"")).nth(1).expect("a row");
        row.split("data-state=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
    };
    let shown = desk.page(page).await;
    assert_eq!((state(&shown, "CC6.1"), state(&shown, "CC7.2")), ("stated".into(), "unproven".into()));

    let map = [("record", "locks"), ("requirements", "CC7.2"), ("requirements", "CC7.3")];
    let mapped = desk.browser.form(page, "/api/o/ours/frameworks/soc-2/map-requirements", &map).await;
    assert_eq!(status(&mapped), 303, "{mapped}");
    let evidence = |at: &'static str, until: &'static str| {
        [("title", "Photograph"), ("control", "Locks"), ("collected_at", at), ("valid_until", until)]
    };
    let mail = desk.ada.address.clone();
    let mut made = Vec::new();
    for (at, until, wanted) in [("2020-01-01T10:00", "", "ageing"), ("", "2020-01-01", "ageing"), ("", "", "proven")] {
        let today = format!("{}T00:00", time::OffsetDateTime::now_utc().date());
        let fields = evidence(at, until).map(|(name, value)| {
            (name, if name == "collected_at" && value.is_empty() { today.clone() } else { value.to_owned() })
        });
        let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.push(("collected_by", &mail));
        let sent = desk.browser.send("/account", "/api/o/ours/registers/evidence/create-record", &fields).await;
        assert_eq!(status(&sent), 200, "{sent}");
        made.push(told(&sent)["record"].as_str().expect("an id").to_owned());
        let shown = desk.page(page).await;
        for requirement in ["CC6.1", "CC7.2", "CC7.3"] {
            assert_eq!(state(&shown, requirement), wanted, "{at} {until} {requirement}");
        }
    }
    let control = desk.page(&format!("{CONTROLS}/{id}")).await;
    assert!(made.iter().all(|id| control.contains(&format!("/registers/evidence/{id}"))), "{control}");
    for (bad, field) in [
        ([("record", "nothing"), ("requirements", "CC7.2")], "record"),
        ([("record", "Locks"), ("requirements", "CC99")], "requirements"),
    ] {
        let refused = desk.browser.send(page, "/api/o/ours/frameworks/soc-2/map-requirements", &bad).await;
        assert!(status(&refused) == 422 && told(&refused)["errors"][0]["field"] == field, "{refused}");
    }
    assert_eq!(status(&desk.page("/o/ours/frameworks/no-such-thing").await), 404);
}

#[tokio::test]
async fn a_large_file_is_taken_from_members_and_from_nobody_else() {
    let mut desk = desk().await;
    let limits = &desk.served.world.profile.policy.limits;
    let (body_kib, upload_kib) = (limits.body_kib.get() as usize, limits.upload_kib.get() as usize);
    let row = format!("Locks,CC6.1,{},Planned\n", desk.ada.address);
    let large = format!("name,requirement,owner,status\n{}", row.repeat((body_kib + 64) * 1024 / row.len()));
    let answer = desk.import("check", &large, "application/json").await;
    assert!(status(&answer) == 200 && told(&answer)["rows"].as_u64() > Some(1000), "{}", &answer[..400]);
    // Whoever announces more is told before any of it is read.
    let announced = |session: &str, path: &str, kib: usize| {
        let cookie = format!("cookie: __Host-session={session}\r\n");
        let length = kib * 1024;
        format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{cookie}content-type: multipart/form-data; boundary=x\r\ncontent-length: {length}\r\n\r\n",
            desk.served.address
        )
    };
    let import = format!("{ACTS}/import-records");
    let create = format!("{ACTS}/create-record");
    for (session, path, kib) in [
        ("nobody", &import, body_kib + 64),
        (&desk.ada.session, &create, body_kib + 64),
        (&desk.ada.session, &import, upload_kib + 1),
    ] {
        let answer = raw(desk.served.address, &announced(session, path, kib)).await;
        assert_eq!(status(&answer), 413, "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_free_text_about_health_is_asked_about_where_only_dates_are_kept_of_it() {
    let mut served = of_profile(profile("stratuslog", &[])).await;
    served.world.now = time::OffsetDateTime::now_utc();
    let ours = served.world.stage_organisation("ours", "Ours", Standing::Active).await;
    let (_, mut browser) = member(&served, &ours).await;
    for (model, warned) in [("Cessna 172", false), ("Cessna, diagnosis pending", true)] {
        let fields = [("registration", model), ("model", model), ("status", "Available")];
        let made = browser.send("/account", "/api/o/ours/registers/aircraft/create-record", &fields).await;
        assert_eq!(status(&made), 200, "{made}");
        let id = told(&made)["record"].as_str().expect("an id").to_owned();
        let page = browser.get(&format!("/o/ours/registers/aircraft/{id}"), "accept: text/html\r\n").await;
        assert_eq!(page.contains("data-warning=\"health\""), warned, "{page}");
    }
}

#[tokio::test]
async fn a_file_is_attached_sent_in_parts_kept_from_others_and_removed() {
    let mut desk = desk().await;
    let policy = [("title", "Access"), ("edition", "1"), ("status", "Draft"), ("next_review", "2027-01-31")];
    let acts = "/api/o/ours/registers/policies";
    let made = desk.browser.send("/account", &format!("{acts}/create-record"), &policy).await;
    let record = told(&made)["record"].as_str().expect("an id").to_owned();
    let attach = format!("{acts}/attach-file");
    let odd = desk.upload(&attach, ("record", &record), ("tool.exe", "MZ\u{1}\u{2}"), "application/json").await;
    assert_eq!(status(&odd), 415, "{odd}");
    let sent =
        desk.upload(&attach, ("record", &record), ("policy.txt", "Doors are locked.\n"), "application/json").await;
    assert_eq!(status(&sent), 200, "{sent}");
    let file = told(&sent)["file"].as_str().expect("an id").to_owned();

    let page = desk.page(&format!("/o/ours/registers/policies/{record}")).await;
    for said in ["policy.txt", "18 bytes", &format!("href=\"/o/ours/files/{file}\"")] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let path = format!("/o/ours/files/{file}");
    let whole = desk.browser.get(&path, "").await;
    assert!(status(&whole) == 200 && whole.contains("content-disposition: attachment"), "{whole}");
    let part = desk.browser.get(&path, "range: bytes=10-15\r\n").await;
    assert!(
        status(&part) == 206 && part.contains("content-range: bytes 10-15/18") && part.contains("locked"),
        "{part}"
    );
    assert!(!part.contains("Doors"), "{part}");

    let theirs = desk.served.world.stage_organisation("theirs", "Theirs", Standing::Active).await;
    let (_, mut eve) = member(&desk.served, &theirs).await;
    for slug in ["ours", "theirs"] {
        assert_eq!(status(&eve.get(&format!("/o/{slug}/files/{file}"), "").await), 404, "{slug}");
    }
    let fields = [("record", record.as_str()), ("attachment", file.as_str())];
    assert_eq!(status(&desk.browser.send("/account", &format!("{acts}/remove-file"), &fields).await), 200);
    assert_eq!(status(&desk.browser.get(&path, "").await), 404);
}
