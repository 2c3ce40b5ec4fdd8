//! A concert that is over does not delay a start, and its queue keeps its places.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use frontrow_test_harness::{App, eventually};
use serde_json::json;

use crate::{on_every_store, stores::Stores, test_app::TestApp};

const LONGEST_POLL: &str = "FRONTROW_QUEUE__LONGEST_POLL_MS";

on_every_store!(a_concert_that_is_over_holds_up_no_start_and_has_ended);

async fn a_concert_that_is_over_holds_up_no_start_and_has_ended(stores: Stores) -> Result<()> {
    // This policy is invalid with a longest poll of 25 s: a place must outlive four of them.
    let policy = json!({"claim_ttl_s": 80});
    let mut test_app = TestApp::open(stores, 1, 1, policy).await?;
    let mut ann = test_app.join("ann").await?;
    let slower = test_app.app.config().clone().env(LONGEST_POLL, "25000");
    test_app.app.sigterm()?;
    ensure!(test_app.app.wait_exit().await?.success());
    let with_its_data = slower.clone().data_dir(test_app.app.data_dir());
    let binary = Path::new(env!("CARGO_BIN_EXE_frontrow"));
    let refused = App::run(binary, &with_its_data).await?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(
        !refused.status.success() && said.contains("is not valid with it"),
        "{said}"
    );

    test_app.app.restart().await?;
    let path = format!("/v1/admin/concerts/{}/performances", test_app.concert);
    let past = json!({
        "starts_at": "2020-01-01T19:30:00Z",
        "venue": "A hall",
        "sections": [{"name": "Stalls", "price": 100, "rows": [{"name": "A", "seats": 1}]}],
        "allow_past": true,
    });
    test_app
        .admin()
        .post(&path)
        .json(&past)
        .await?
        .expect_status(201)?;
    let only = format!("{path}/{}", test_app.performance);
    test_app.admin().delete(&only).await?.expect_status(204)?;
    test_app.app.restart_with(slower).await?;

    let limit = Duration::from_secs(20);
    eventually("a token of a concert that is over", limit, async || {
        Ok((ann.look_up().await?.status == 200).then_some(()))
    })
    .await?;
    // An in-process queue that has just recovered learns within a second that the concert is over.
    // It accepts users until then.
    let mut number = 0;
    eventually("a join of a concert that is over", limit, async || {
        number += 1;
        let refused = test_app.ask_to_join(&format!("late{number}")).await?;
        Ok((refused.status == 409).then_some(refused))
    })
    .await
    .and_then(|refused| {
        ensure!(refused.text_at("/type")? == "/problems/concert-ended");
        Ok(())
    })
}
