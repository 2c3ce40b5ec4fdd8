//! `frontrow reconcile`: checks that money and seats agree.

use anyhow::{Result, ensure};
use frontrow_test_harness::App;
use serde_json::json;

use crate::{buyer::Buyer, on_every_store, stores::Stores, test_app::TestApp};

on_every_store!(
    no_difference_is_reported_where_there_is_none,
    every_difference_is_printed,
    rows_that_the_database_has_lost_are_noticed,
);

/// Errors with the differences if there are any.
pub(crate) async fn reconciled(app: &App) -> Result<()> {
    let output = app.command(&["reconcile"]).await?;
    ensure!(output.status.success(), "{output:?}");
    print!("frontrow reconcile: {}", String::from_utf8(output.stdout)?);
    Ok(())
}

async fn no_difference_is_reported_where_there_is_none(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    for (name, seat) in [("ann", "R1-1"), ("ben", "R1-2")] {
        let buyer = Buyer::at(&test_app, name, seat).await?;
        buyer.pay("payment").await?.expect_status(200)?;
    }
    Buyer::at(&test_app, "cat", "R1-3").await?;
    // The command runs beside the server, as an operator would run it.
    let output = test_app.app.command(&["reconcile"]).await?;
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout)?;
    assert_eq!(text, "3 accounts and 1 performances: 0 differences\n");
    Ok(())
}

async fn every_difference_is_printed(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    let buyer = Buyer::at(&test_app, "ann", "R1-1").await?;
    buyer.pay("payment").await?.expect_status(200)?;
    stores
        .execute(&test_app.app, "UPDATE balances SET balance = balance + 1")
        .await?;
    let sold = "UPDATE seats SET reservation_id = NULL, user_id = NULL, user_slot = NULL";
    stores.execute(&test_app.app, sold).await?;
    let output = test_app.app.command(&["reconcile"]).await?;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout)?;
    for expected in [
        "account ann: the balance is 201, the ledger adds up to 200".to_owned(),
        format!(
            "performance {}, reservation {}: has lost a seat",
            test_app.performance, buyer.reservation
        ),
        format!(
            "performance {}: 1 seats are counted as sold, 0 are",
            test_app.performance
        ),
        "1 accounts and 1 performances: 3 differences".to_owned(),
    ] {
        assert!(
            text.lines().any(|line| line == expected),
            "{expected}: {text}"
        );
    }
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(said, "frontrow: the books do not agree\n");
    Ok(())
}

/// Foreign keys prevent such losses, unless they are switched off.
async fn rows_that_the_database_has_lost_are_noticed(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    let buyer = Buyer::at(&test_app, "ann", "R1-1").await?;
    buyer.pay("payment").await?.expect_status(200)?;
    for lost in ["balances", "performances"] {
        stores.lose(&test_app.app, lost).await?;
    }
    let output = test_app.app.command(&["reconcile"]).await?;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout)?;
    let expected = [
        "account ann: the balance is 0, the ledger adds up to 200".to_owned(),
        format!(
            "account ann: paid for reservation {}, which is missing or has no performance",
            buyer.reservation
        ),
        "account ann: its last entry is 0, the ledger's is 2".to_owned(),
        "1 accounts and 0 performances: 3 differences".to_owned(),
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    Ok(())
}

#[tokio::test]
async fn a_missing_database_is_not_created() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = frontrow_test_harness::AppConfig::default()
        .data_dir(folder.path())
        .arg("reconcile");
    let binary = env!("CARGO_BIN_EXE_frontrow").as_ref();
    let output = App::run(binary, &config).await?;
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr)?;
    assert!(said.contains("there is no database at"), "{said}");
    assert!(!folder.path().join("frontrow.db").exists());
    Ok(())
}
