//! Bad input is answered with a problem document, never with a 5xx, and changes nothing.

mod addresses;
mod admin;
mod amounts;
mod bodies;
mod methods;
mod plans;
mod policies;
mod queries;
mod random;
mod seats;
mod wire;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{Client, Reply};
use serde_json::{Value, json};

use crate::{
    stores::{Stores, Totals},
    test_app::{TestApp, Visitor},
};

/// The visitor's balance, in points.
const BALANCE: i64 = 1_000;
const UNKNOWN_ID: &str = "0198c0de-0000-7000-8000-000000000001";

/// A program that must refuse requests, and its state before them.
struct Target {
    stores: Stores,
    test_app: TestApp,
    /// Has an active place, points, and nothing else.
    visitor: Visitor,
    before: VisibleState,
    /// The types of the problems so far, whose pages were checked.
    explained: BTreeSet<String>,
}

/// The state that a refused request must not change.
#[derive(Debug, PartialEq, Eq)]
struct VisibleState {
    totals: Totals,
    shown: Vec<Value>,
}

impl Target {
    async fn open(stores: Stores) -> Result<Self> {
        let test_app = TestApp::open(stores, 1, 6, json!({})).await?;
        let visitor = test_app.join("visitor").await?;
        visitor
            .charge(BALANCE, "charge")
            .await?
            .expect_status(201)?;
        let before = VisibleState::now(stores, &test_app, &visitor).await?;
        Ok(Self {
            stores,
            test_app,
            visitor,
            before,
            explained: BTreeSet::new(),
        })
    }

    /// The visitor's client, with an identity and an active place, as every route requires.
    fn client(&self) -> Client {
        self.visitor.client.header("idempotency-key", "a-key")
    }

    /// The operator's client.
    fn admin(&self) -> Client {
        self.test_app.admin().header("idempotency-key", "a-key")
    }

    /// Checks that `reply` is this problem, in every part of it.
    async fn is_problem(
        &mut self,
        what: &str,
        reply: &Reply,
        status: u16,
        slug: &str,
    ) -> Result<()> {
        let kind = check_problem(reply).with_context(|| what.to_owned())?;
        ensure!(
            reply.status == status && kind == format!("/problems/{slug}"),
            "{what}: expected {status} {slug}: {reply:?}"
        );
        self.has_page(&kind).await
    }

    /// Checks that `reply` refuses one field.
    async fn is_invalid(&mut self, what: &str, reply: &Reply, field: &str) -> Result<()> {
        self.is_problem(what, reply, 422, "invalid-request").await?;
        let errors = reply.at("/errors")?.as_array().context("a list")?;
        ensure!(
            errors.iter().any(|error| error["field"] == field
                && error["detail"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty())),
            "{what}: {field} is not named: {reply:?}"
        );
        Ok(())
    }

    /// Checks that `reply` is an answer for a client: never a failure of the server.
    async fn is_valid_answer(&mut self, what: &str, reply: &Reply) -> Result<()> {
        ensure!(reply.status < 500, "{what}: {reply:?}");
        if reply.status >= 400 {
            let kind = check_problem(reply).with_context(|| what.to_owned())?;
            return self.has_page(&kind).await;
        }
        let content = reply.header("content-type").unwrap_or_default();
        ensure!(
            reply.text.is_empty() || content != "application/json" || !reply.json.is_null(),
            "{what}: no JSON: {reply:?}"
        );
        Ok(())
    }

    /// Checks that the `type` of a problem is a page of this server.
    async fn has_page(&mut self, kind: &str) -> Result<()> {
        if self.explained.insert(kind.to_owned()) {
            let page = self
                .test_app
                .app
                .client()
                .get(kind)
                .await?
                .expect_status(200)?;
            ensure!(page.header("content-type") == Some("text/html; charset=utf-8"));
        }
        Ok(())
    }

    /// Checks that the requests so far have changed nothing.
    async fn is_unchanged(&self) -> Result<()> {
        let now = VisibleState::now(self.stores, &self.test_app, &self.visitor).await?;
        assert_eq!(now, self.before);
        Ok(())
    }
}

impl VisibleState {
    async fn now(stores: Stores, test_app: &TestApp, visitor: &Visitor) -> Result<Self> {
        let concert = format!("/v1/admin/concerts/{}", test_app.concert);
        let mut shown = Vec::new();
        for (client, path) in [
            (&visitor.client, "/v1/concerts?limit=100".to_owned()),
            (&visitor.client, test_app.seats_path()),
            (&visitor.client, "/v1/reservations".to_owned()),
            (&visitor.client, "/v1/points".to_owned()),
            (&test_app.admin(), format!("{concert}/performances")),
            (&test_app.admin(), format!("{concert}/queue")),
            (&test_app.admin(), format!("{concert}/reservations")),
        ] {
            shown.push(client.get(&path).await?.expect_status(200)?.json);
        }
        Ok(Self {
            totals: stores.totals(&test_app.app).await?,
            shown,
        })
    }
}

/// Checks a problem document. Returns its `type`.
fn check_problem(reply: &Reply) -> Result<String> {
    ensure!(
        reply.header("content-type") == Some("application/problem+json"),
        "no problem document: {reply:?}"
    );
    ensure!(*reply.at("/status")? == reply.status, "{reply:?}");
    for member in ["/title", "/detail"] {
        ensure!(!reply.text_at(member)?.is_empty(), "{reply:?}");
    }
    ensure!(reply.header("cache-control") == Some("no-store"));
    Ok(reply.text_at("/type")?.to_owned())
}
