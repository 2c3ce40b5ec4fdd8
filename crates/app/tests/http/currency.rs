//! The currency belongs to the stored amounts, not to the configuration.

use anyhow::Result;
use frontrow_test_harness::App;
use serde_json::json;

use crate::{
    on_every_store,
    stores::Stores,
    test_app::{admin, start},
};

on_every_store!(a_start_with_another_currency_is_refused);

const CURRENCY: &str = "FRONTROW_POINTS__CURRENCY";

async fn a_start_with_another_currency_is_refused(stores: Stores) -> Result<()> {
    let mut app = start(stores.config().await?.env(CURRENCY, "EUR")).await?;
    let charge = admin(&app).post("/v1/admin/users/ann/points/charges");
    let charge = charge
        .idempotency_key("key")
        .json(&json!({"amount": 150_000}));
    charge.await?.expect_status(201)?;
    app.sigterm()?;
    app.wait_exit().await?;

    let config = app.config().clone().data_dir(app.data_dir());
    let binary = env!("CARGO_BIN_EXE_frontrow").as_ref();
    for other in ["KRW", "USD"] {
        let output = App::run(binary, &config.clone().env(CURRENCY, other)).await?;
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr)?;
        let last = said.lines().last().unwrap_or_default();
        assert!(last.starts_with("frontrow: points.currency: "), "{said}");
        assert!(
            last.contains(&format!("are in EUR, not in {other}: set EUR")),
            "{said}"
        );
    }
    app.restart().await?;
    let points = app.client().user("ann").get("/v1/points").await?;
    let expected = json!({"balance": 150_000, "currency": "EUR"});
    assert_eq!(points.expect_status(200)?.json, expected);
    Ok(())
}

#[tokio::test]
async fn only_codes_of_iso_4217_are_currencies() -> Result<()> {
    let binary = env!("CARGO_BIN_EXE_frontrow").as_ref();
    for (code, good) in [
        ("JPY", true),
        ("ABC", false),
        ("eur", false),
        ("DEM", false),
    ] {
        let config = frontrow_test_harness::AppConfig::default()
            .env(CURRENCY, code)
            .arg("config");
        let output = App::run(binary, &config).await?;
        assert_eq!(output.status.success(), good, "{code}: {output:?}");
        if !good {
            let said = String::from_utf8(output.stderr)?;
            assert!(
                said.contains("ISO 4217") && said.lines().count() == 1,
                "{said}"
            );
        }
    }
    Ok(())
}
