//! Only a client with an admin key is an operator.

use anyhow::Result;
use frontrow_test_harness::Method;
use serde_json::json;

use super::{BOX_OFFICE_KEY, concert_path, performance_path, two_operators};
use crate::{
    on_every_store,
    stores::Stores,
    test_app::{ADMIN_KEY, TestApp},
};

on_every_store!(no_client_is_an_operator_without_a_key);

async fn no_client_is_an_operator_without_a_key(stores: Stores) -> Result<()> {
    let test_app = TestApp::open_with(two_operators(stores).await?, 1, 1, json!({})).await?;
    let audit_entries = stores.audit_entries(&test_app.app).await?.len();
    let concert = concert_path(&test_app.concert);
    let routes = [
        (Method::POST, "/v1/admin/concerts".to_owned()),
        (Method::PATCH, concert.clone()),
        (Method::GET, format!("{concert}/performances")),
        (Method::POST, format!("{concert}/performances")),
        (
            Method::PATCH,
            performance_path(&test_app.concert, &test_app.performance),
        ),
        (Method::GET, format!("{concert}/queue")),
        (Method::PATCH, format!("{concert}/queue")),
        (Method::GET, format!("{concert}/reservations")),
        (
            Method::POST,
            "/v1/admin/users/ann/points/charges".to_owned(),
        ),
    ];
    let anonymous = test_app.app.client();
    let wrong = [
        anonymous.clone(),
        anonymous.user("ops"),
        anonymous.user(ADMIN_KEY),
        anonymous.bearer(""),
        anonymous.bearer("ops"),
        anonymous.bearer(&ADMIN_KEY.to_uppercase()),
        anonymous.bearer(&format!("{ADMIN_KEY}{BOX_OFFICE_KEY}")),
        anonymous.header("authorization", ADMIN_KEY),
        anonymous.header("authorization", &format!("Basic {ADMIN_KEY}")),
        anonymous.header("x-admin-key", ADMIN_KEY),
    ];
    for (method, path) in &routes {
        for client in &wrong {
            // The body is not read before the key is checked.
            for body in ["{", r#"{"title": "Mine", "amount": 1}"#] {
                let request = client
                    .request(method.clone(), path)
                    .body("application/json", body)
                    .idempotency_key("key");
                let refused = request.await?.expect_status(401)?;
                assert_eq!(refused.text_at("/type")?, "/problems/admin-key-required");
                assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
            }
        }
    }
    assert_eq!(
        stores.audit_entries(&test_app.app).await?.len(),
        audit_entries,
        "nothing was changed"
    );
    for key in [ADMIN_KEY, BOX_OFFICE_KEY] {
        let seen = anonymous
            .bearer(key)
            .get(&format!("{concert}/queue"))
            .await?;
        seen.expect_status(200)?;
        let lower = anonymous.header("authorization", &format!("bearer {key}"));
        lower
            .get(&format!("{concert}/queue"))
            .await?
            .expect_status(200)?;
    }
    let user = test_app
        .user("ann")
        .get(&format!("{concert}/queue"))
        .await?;
    user.expect_status(401)?;
    Ok(())
}
