//! Invalid policies of queues.

use anyhow::Result;
use serde_json::{Value, json};

use super::Target;
use crate::{on_every_store, stores::Stores};

on_every_store!(
    every_wrong_field_of_a_policy_is_named,
    all_wrong_fields_of_a_policy_are_named_at_once,
);

async fn every_wrong_field_of_a_policy_is_named(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    let path = format!("/v1/admin/concerts/{}/queue", target.test_app.concert);
    for (change, field) in wrong_changes() {
        let reply = target.admin().patch(&path).json(&change).await?;
        target
            .is_invalid(&change.to_string(), &reply, field)
            .await?;
        let concert = json!({"title": "A title", "queue": change});
        let reply = target
            .admin()
            .post("/v1/admin/concerts")
            .json(&concert)
            .await?;
        target
            .is_invalid(&concert.to_string(), &reply, &format!("queue.{field}"))
            .await?;
    }
    for field in ["waiting_ttl_s", "claim_ttl_s", "active_ttl_s"] {
        for seconds in [
            json!(0),
            json!(-1),
            json!(1e-7),
            json!(86_400.001),
            json!(1e300),
            json!(u64::MAX),
            json!(null),
            json!("60"),
            json!([60]),
        ] {
            let reply = target
                .admin()
                .patch(&path)
                .json(&json!({ field: seconds }))
                .await?;
            target
                .is_invalid(&format!("{field} {seconds}"), &reply, field)
                .await?;
        }
    }
    for field in ["waiting_ttl_s", "claim_ttl_s"] {
        // Four times the longest poll that tests are configured with.
        let reply = target
            .admin()
            .patch(&path)
            .json(&json!({ field: 0.999 }))
            .await?;
        target.is_invalid(field, &reply, field).await?;
    }
    for seconds in [
        json!(0),
        json!(-1),
        json!("45"),
        json!(1e300),
        // Less than three longest polls, and more than half of the waiting time to live.
        json!(0.749),
        json!(150.001),
    ] {
        let change = json!({"absent_after_s": seconds});
        let reply = target.admin().patch(&path).json(&change).await?;
        let what = change.to_string();
        target.is_invalid(&what, &reply, "absent_after_s").await?;
    }
    target.is_unchanged().await
}

async fn all_wrong_fields_of_a_policy_are_named_at_once(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    let path = format!("/v1/admin/concerts/{}/queue", target.test_app.concert);
    let wrong = json!({
        "throughput": {"admit": 0, "interval_s": 0}, "capacity": {"max_active": 0},
        "waiting_ttl_s": 0, "claim_ttl_s": 0, "active_ttl_s": 0,
    });
    let reply = target.admin().patch(&path).json(&wrong).await?;
    for field in [
        "throughput.admit",
        "throughput.interval_s",
        "capacity.max_active",
        "waiting_ttl_s",
        "claim_ttl_s",
        "active_ttl_s",
    ] {
        target.is_invalid("all at once", &reply, field).await?;
    }
    target.is_unchanged().await
}

/// Invalid changes of a policy, each with the field that is wrong.
fn wrong_changes() -> Vec<(Value, &'static str)> {
    let throughput = |admit: Value, interval: Value| json!({"throughput": {"admit": admit, "interval_s": interval}});
    vec![
        (json!({"state": "ajar"}), "state"),
        (json!({"state": "Open"}), "state"),
        (json!({"state": null}), "state"),
        (json!({"state": 0}), "state"),
        (json!({"state": {"open": null, "closed": null}}), "state"),
        (json!({"throughput": null}), "throughput"),
        (json!({"throughput": 5}), "throughput"),
        (json!({"throughput": [5, 3]}), "throughput"),
        (json!({"throughput": {}}), "throughput.admit"),
        (json!({"throughput": {"admit": 5}}), "throughput.interval_s"),
        (
            json!({"throughput": {"admit": 5, "interval_s": 1, "burst": 9}}),
            "throughput.burst",
        ),
        (throughput(json!(0), json!(1)), "throughput.admit"),
        (throughput(json!(-1), json!(1)), "throughput.admit"),
        (throughput(json!(1.5), json!(1)), "throughput.admit"),
        (
            throughput(json!(4_294_967_296_u64), json!(1)),
            "throughput.admit",
        ),
        (throughput(json!(1), json!(0)), "throughput.interval_s"),
        (throughput(json!(1), json!(0.099)), "throughput.interval_s"),
        (
            throughput(json!(1), json!(3_600.1)),
            "throughput.interval_s",
        ),
        (throughput(json!(1), json!(-1)), "throughput.interval_s"),
        (throughput(json!(1), json!(1e300)), "throughput.interval_s"),
        (throughput(json!(1), json!("1")), "throughput.interval_s"),
        (throughput(json!(1), json!(null)), "throughput.interval_s"),
        (
            json!({"capacity": {"max_active": 0}}),
            "capacity.max_active",
        ),
        (
            json!({"capacity": {"max_active": -1}}),
            "capacity.max_active",
        ),
        (
            json!({"capacity": {"max_active": null}}),
            "capacity.max_active",
        ),
        (
            json!({"capacity": {"max_active": 1e9}}),
            "capacity.max_active",
        ),
        (json!({"capacity": [1]}), "capacity"),
        (json!({"capacity": "all"}), "capacity"),
        (json!({"max_waiting": -1}), "max_waiting"),
        (json!({"max_waiting": 1.5}), "max_waiting"),
        (
            json!({"max_waiting": 9_007_199_254_740_992_u64}),
            "max_waiting",
        ),
        (json!({"max_waiting": u64::MAX}), "max_waiting"),
        (json!({"max_waiting": "many"}), "max_waiting"),
    ]
}
