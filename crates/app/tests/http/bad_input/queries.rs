//! Invalid query strings.

use anyhow::Result;

use super::{Target, UNKNOWN_ID};
use crate::{on_every_store, stores::Stores};

on_every_store!(
    queries_are_read_strictly,
    queries_of_rankings_are_read_strictly,
);

async fn queries_are_read_strictly(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    let sales = format!(
        "/v1/admin/concerts/{}/reservations",
        target.test_app.concert
    );
    let planned = format!(
        "/v1/admin/concerts/{}/performances",
        target.test_app.concert
    );
    let performances = target.test_app.performances_path();
    let foreign = "A".repeat(22); // the nil id, which no list has
    for (by_operator, path) in [
        (false, "/v1/concerts"),
        (false, "/v1/reservations"),
        (false, &performances),
        (true, &sales),
        (true, &planned),
    ] {
        let client = if by_operator {
            target.admin()
        } else {
            target.client()
        };
        for limit in [
            "",
            "0",
            "101",
            "-1",
            "1.5",
            "1e1",
            "ten",
            "٣",
            "65536",
            "99999999999999999999",
            "%00",
            "1%20",
            "0x1",
            "null",
            "1,2",
        ] {
            let reply = client.get(&format!("{path}?limit={limit}")).await?;
            target
                .is_invalid(&format!("{path} limit {limit:?}"), &reply, "limit")
                .await?;
        }
        for cursor in [
            "",
            "x",
            "AAAA",
            "%00",
            "%FF",
            &"A".repeat(21),
            &"A".repeat(23),
            &"A".repeat(8_000),
            &format!("{foreign}=="),
            "!!!!!!!!!!!!!!!!!!!!!!",
            "AAAAAAAAAAAAAAAAAAAAAB",
            UNKNOWN_ID,
        ] {
            let reply = client.get(&format!("{path}?cursor={cursor}")).await?;
            target
                .is_invalid(&format!("{path} cursor {cursor:?}"), &reply, "cursor")
                .await?;
        }
        for query in [
            "limit=1&limit=2",
            "cursor=a&cursor=b",
            "limit=1&cursor=&limit=1",
        ] {
            let reply = client.get(&format!("{path}?{query}")).await?;
            target
                .is_problem(query, &reply, 400, "malformed-request")
                .await?;
        }
        // A cursor of another list is an id like any other. Unknown parameters are not read.
        for query in [
            format!("cursor={foreign}"),
            "other=1&limit=5".into(),
            "&&&".into(),
            "=".into(),
            "%FF=1".into(),
            "limit".repeat(0),
            "a[b]=1&;".into(),
        ] {
            client
                .get(&format!("{path}?{query}"))
                .await?
                .expect_status(200)?;
        }
    }
    target.is_unchanged().await
}

async fn queries_of_rankings_are_read_strictly(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    for (query, field) in [
        ("period=", "period"),
        ("period=yearly", "period"),
        ("period=Daily", "period"),
        ("period=daily%00", "period"),
        ("limit=0", "limit"),
        ("limit=21", "limit"),
        ("limit=-1", "limit"),
        ("period=weekly&limit=x", "limit"),
    ] {
        let reply = target
            .client()
            .get(&format!("/v1/rankings/concerts?{query}"))
            .await?;
        target.is_invalid(query, &reply, field).await?;
    }
    let twice = target
        .client()
        .get("/v1/rankings/concerts?period=daily&period=daily")
        .await?;
    target
        .is_problem("two periods", &twice, 400, "malformed-request")
        .await?;
    target.is_unchanged().await
}
