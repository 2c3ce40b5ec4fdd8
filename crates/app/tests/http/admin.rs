//! Requests of operators, and their effects on what buyers see.

mod audit;
mod catalogue;
mod creating;
mod deleting;
mod faults;
mod keys;
mod old_policies;
mod points;
mod policies;
mod policy_conflicts;
mod sales;
mod seats;
mod titles;

use anyhow::{Context, Result};
use frontrow_test_harness::{App, AppConfig, Client, Reply};
use serde_json::{Value, json};

use crate::stores::Stores;

/// The admin key of a second operator, `box_office`.
const BOX_OFFICE_KEY: &str = "key-of-the-box-office-of-tests";

/// A configuration with two operators, `ops` and `box_office`.
async fn two_operators(stores: Stores) -> Result<AppConfig> {
    let config = stores.config().await?;
    Ok(config.env("FRONTROW_ADMIN__KEYS__BOX_OFFICE", BOX_OFFICE_KEY))
}

/// The second operator.
fn box_office(app: &App) -> Client {
    app.client().bearer(BOX_OFFICE_KEY)
}

/// The path for editing a concert.
fn concert_path(concert: &str) -> String {
    format!("/v1/admin/concerts/{concert}")
}

/// The path for editing a performance.
fn performance_path(concert: &str, performance: &str) -> String {
    format!("/v1/admin/concerts/{concert}/performances/{performance}")
}

/// Returns sections of one row each. Each part has the names of section and row, the number of
/// seats, and their price.
fn sections(parts: &[(&str, &str, u16, i64)]) -> Value {
    parts
        .iter()
        .map(|(section, row, seats, price)| {
            json!({"name": section, "price": price, "rows": [{"name": row, "seats": seats}]})
        })
        .collect()
}

/// The fields that an answer reports as wrong, in its order.
fn wrong_fields(reply: Reply) -> Result<Vec<String>> {
    let reply = reply.expect_status(422)?;
    assert_eq!(reply.text_at("/type")?, "/problems/invalid-request");
    let errors = reply.at("/errors")?.as_array().context("a list")?;
    let field = |error: &Value| {
        let why = error["detail"].as_str().unwrap_or_default();
        assert!(!why.is_empty(), "{error} has a reason");
        error["field"].as_str().map(str::to_owned)
    };
    errors
        .iter()
        .map(|error| field(error).context("a field"))
        .collect()
}

/// The texts of one member of all items of a list.
fn texts<'a>(reply: &'a Reply, member: &str) -> Result<Vec<&'a str>> {
    let items = reply.at("/items")?.as_array().context("a list")?;
    items
        .iter()
        .map(|item| item[member].as_str().context("a text"))
        .collect()
}
