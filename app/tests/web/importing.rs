//! Imports through their form, as a browser without script and as a program send them.

use serde_json::Value;

use crate::common::status;
use crate::registers::{CONTROLS, desk, told};

#[tokio::test]
async fn a_file_is_judged_whole_before_a_row_of_it_is_written() {
    let mut desk = desk().await;
    let head = "name,requirement,owner,status,next_review";
    let mail = desk.ada.address.clone();
    let good = format!("{head}\nLocks,CC6.1,{mail},Planned,2027-01-31\nLogs,CC7.2,{mail},in place,\n");
    let bad = format!("{head}\nLocks,CC6.1,{mail},Planned,soon\n,CC99,{mail},Perhaps,\nLogs,CC7.2,{mail},Planned,\n");
    let json = "application/json";

    let refused = desk.import("", &bad, json).await;
    assert_eq!(status(&refused), 422, "{refused}");
    let said = told(&refused);
    let mut wrong: Vec<String> = said["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| format!("{} {}", error["line"], error["field"].as_str().unwrap_or_default()))
        .collect();
    wrong.sort();
    assert_eq!(wrong, ["2 next_review", "3 name", "3 requirement", "3 status"]);
    let lines: Vec<_> = said["errors"].as_array().expect("errors").iter().map(|error| &error["line"]).collect();
    assert!(lines.is_sorted_by_key(|line| line.as_u64()), "{lines:?}");
    assert_eq!((&said["rows"], &said["imported"]), (&Value::from(3), &Value::from(0)));
    let page = desk.import("", &bad, "text/html").await;
    assert!(
        status(&page) == 422 && page.contains("data-line=\"3\"") && page.contains("Nothing was imported"),
        "{page}"
    );

    let checked = desk.import("check", &good, json).await;
    assert!(status(&checked) == 200 && told(&checked)["imported"] == 0, "{checked}");
    assert!(desk.page(CONTROLS).await.contains("No records yet"), "neither of them wrote anything");

    let imported = desk.import("", &good, "text/html").await;
    assert!(status(&imported) == 200 && imported.contains("2 rows imported; each is a record now"), "{imported}");
    let list = desk.page(CONTROLS).await;
    assert!(list.contains(">Locks</a>") && list.contains(">Logs</a>"), "{list}");
    let act = list.split("data-act=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an act").to_owned();
    assert_eq!(told(&desk.act("undo-act", &[("act", &act)]).await)["undone"], 2);
    assert!(desk.page(CONTROLS).await.contains("No records yet"));
    assert_eq!(status(&desk.act("undo-act", &[("act", &act)]).await), 409);
}

#[tokio::test]
async fn a_program_need_not_wait_for_an_import() {
    let mut desk = desk().await;
    let mail = desk.ada.address.clone();
    let rows: Vec<String> = (0..300).map(|at| format!("Lock {at},CC6.1,{mail},Planned,\n")).collect();
    let csv = format!("name,requirement,owner,status,next_review\n{}", rows.concat());

    let answer = desk.import("", &csv, "application/json\r\nprefer: wait=1, respond-async").await;

    assert_eq!(status(&answer), 202, "{answer}");
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    assert!(head.contains(&format!("location: {CONTROLS}")), "{head}");
    assert!(head.contains("preference-applied: respond-async"), "{head}");
    let said = told(&answer);
    assert_eq!((&said["state"], &said["imported"]), (&Value::from("running"), &Value::from(0)));
    let act = said["act"].as_str().expect("an act").to_owned();
    let mut list = String::new();
    for _ in 0..600 {
        list = desk.page(CONTROLS).await;
        if list.contains("data-state=\"done\"") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(list.contains("300 records were imported at once") && list.contains(&act), "{list}");
}
