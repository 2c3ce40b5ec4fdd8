//! The sales of a concert, as a list and as an exported file.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::wrong_fields;
use crate::{
    on_every_store,
    stores::Stores,
    test_app::{PRICE, TestApp},
};

on_every_store!(
    an_operator_pages_through_all_sales_and_exports_them,
    the_export_is_only_for_requests_that_accept_csv,
);

/// More than fits on one page.
const BUYERS: usize = 130;

/// A sale in which every third user only holds.
async fn sale(stores: Stores) -> Result<Arc<TestApp>> {
    let policy = json!({"state": "bypass"});
    let test_app = Arc::new(TestApp::open(stores, 13, 10, policy).await?);
    let mut buyers = JoinSet::new();
    for number in 0..BUYERS {
        let test_app = Arc::clone(&test_app);
        buyers.spawn(async move {
            let buyer = test_app.join(&format!("buyer,{number}")).await?;
            let seat = format!("R{}-{}", number / 10 + 1, number % 10 + 1);
            let held = buyer.hold(&test_app, &[&seat]).await?.expect_status(201)?;
            if number % 3 > 0 {
                buyer.charge(PRICE, "charge").await?.expect_status(201)?;
                let paid = buyer.pay(held.text_at("/id")?, "payment").await?;
                paid.expect_status(200)?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(bought) = buyers.join_next().await {
        bought??;
    }
    Ok(test_app)
}

/// A sale as a line of the export.
fn line(sale: &Value) -> Result<String> {
    let text = |field: &str| sale[field].as_str().unwrap_or_default();
    let seats = sale["seats"].as_array().context("a list")?;
    let seats: Vec<_> = seats.iter().filter_map(Value::as_str).collect();
    Ok(format!(
        "{},\"{}\",{},{},{},{},{},{},{}",
        text("id"),
        text("user_id"),
        text("state"),
        text("performance_id"),
        seats.join(" "),
        sale["total"],
        text("currency"),
        text("held_until"),
        text("confirmed_at"),
    ))
}

async fn an_operator_pages_through_all_sales_and_exports_them(stores: Stores) -> Result<()> {
    let test_app = sale(stores).await?;
    let path = format!("/v1/admin/concerts/{}/reservations", test_app.concert);
    let page = test_app.admin().get(&path).await?.expect_status(200)?;
    assert_eq!(page.at("/items")?.as_array().map(Vec::len), Some(20));
    for wrong in ["limit=101", "limit=0", "limit=x", "cursor=x", "cursor="] {
        let refused = test_app.admin().get(&format!("{path}?{wrong}")).await?;
        assert_eq!(wrong_fields(refused)?.len(), 1, "{wrong}");
    }
    let sales = test_app.sales().await?;
    assert_eq!(sales.len(), BUYERS);
    let users: BTreeSet<_> = sales
        .iter()
        .filter_map(|sale| sale["user_id"].as_str())
        .collect();
    assert_eq!(users.len(), BUYERS);
    assert!(
        sales.is_sorted_by_key(|sale| sale["id"].to_string()),
        "the oldest first"
    );
    let confirmed = sales.iter().filter(|sale| sale["state"] == "confirmed");
    assert_eq!(confirmed.count(), 86);

    let file = test_app
        .admin()
        .get(&path)
        .header("accept", "text/csv")
        .await?;
    let file = file.expect_status(200)?;
    assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
    let name = file.header("content-disposition").unwrap_or_default();
    assert_eq!(
        name,
        format!(
            "attachment; filename=\"reservations-{}.csv\"",
            test_app.concert
        )
    );
    let mut lines = file.text.lines();
    let columns =
        "reservation_id,user_id,state,performance_id,seats,total,currency,held_until,confirmed_at";
    assert_eq!(lines.next(), Some(columns), "the columns are named once");
    let expected = sales.iter().map(line).collect::<Result<Vec<_>>>()?;
    assert_eq!(lines.collect::<Vec<_>>(), expected);
    Ok(())
}

async fn the_export_is_only_for_requests_that_accept_csv(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let path = format!("/v1/admin/concerts/{}/reservations", test_app.concert);
    for (accept, expected) in [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("TEXT/CSV", "text/csv; charset=utf-8"),
        ("text/csv; charset=utf-8", "text/csv; charset=utf-8"),
        ("text/csv;q=0.5, application/json", "application/json"),
        (
            "application/json;q=0.4, text/csv;q=0.5",
            "text/csv; charset=utf-8",
        ),
        ("text/csv, */*;q=0.1", "text/csv; charset=utf-8"),
        ("text/*", "text/csv; charset=utf-8"),
        ("text/csv;q=0", "application/json"),
        ("text/csv;q=0, */*", "application/json"),
        ("image/png", "application/json"),
        ("nonsense", "application/json"),
        ("", "application/json"),
    ] {
        let reply = test_app.admin().get(&path).header("accept", accept).await?;
        let reply = reply.expect_status(200)?;
        assert_eq!(reply.header("content-type"), Some(expected), "{accept}");
    }
    let plain = test_app.admin().get(&path).await?.expect_status(200)?;
    assert_eq!(plain.header("content-type"), Some("application/json"));
    assert_eq!(plain.json, json!({"items": [], "next_cursor": null}));
    Ok(())
}
