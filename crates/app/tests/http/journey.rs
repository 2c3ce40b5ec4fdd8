//! 300 users join at once for 200 seats.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use frontrow_test_harness::{Reply, eventually};
use jiff::Timestamp;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    on_every_store,
    reconcile::reconciled,
    sale::{
        CHARGE, ROWS, SEATS_A_ROW, USERS, assert_every_seat_has_its_own_buyer, pick_seat, totals_of,
    },
    stores::Stores,
    test_app::{PRICE, TestApp, Visitor},
};

/// The number of admissions per window, and its length. The 300 users need several windows.
const ADMIT: usize = 40;
const WINDOW_S: f64 = 0.5;

/// The result of one user.
#[derive(Debug)]
struct UserResult {
    joined_at: Timestamp,
    /// None for users who still waited when all seats were sold.
    admitted_at: Option<Timestamp>,
    /// The seat that was paid for.
    seat: Option<String>,
    balance: i64,
}

on_every_store!(three_hundred_users_buy_two_hundred_seats);

async fn three_hundred_users_buy_two_hundred_seats(stores: Stores) -> Result<()> {
    let policy = json!({"throughput": {"admit": ADMIT, "interval_s": WINDOW_S}});
    let test_app = Arc::new(TestApp::open(stores, ROWS, SEATS_A_ROW, policy).await?);
    let mut tasks = JoinSet::new();
    for number in 0..USERS {
        let test_app = Arc::clone(&test_app);
        tasks.spawn(async move {
            buy_a_seat(&test_app, number)
                .await
                .with_context(|| format!("user {number}"))
        });
    }
    let mut results = Vec::new();
    while let Some(result) = tasks.join_next().await {
        results.push(result??);
    }
    every_seat_is_sold_once(&test_app, &results).await?;
    every_user_was_charged_for_what_they_got(stores, &test_app, &results).await?;
    admissions_were_in_order_and_within_the_rate(results)
}

/// Joins, waits, reads the seat map, holds a seat, charges and pays, or finds that all seats are
/// gone.
async fn buy_a_seat(test_app: &TestApp, number: usize) -> Result<UserResult> {
    let mut visitor = test_app.join(&format!("user-{number}")).await?;
    if !visitor.is_active() {
        let early =
            with_retries(|| async { visitor.client.get(&test_app.performances_path()).await })
                .await?;
        ensure!(
            early.status == 429 || early.status == 200,
            "before the turn: {early:?}"
        );
        // A user who passed the gate must have been admitted by then.
        ensure!(early.status == 429 || visitor.look_up().await.is_ok() && visitor.is_active());
    }
    while !visitor.is_active() {
        if visitor.place["queue"]["sold_out"] == true {
            return result_of(&visitor, None).await;
        }
        visitor.pause().await;
        visitor.look_up().await?.expect_status(200)?;
    }
    let performances =
        with_retries(|| async { visitor.client.get(&test_app.performances_path()).await }).await?;
    let performances = performances.expect_status(200)?;
    ensure!(performances.text_at("/items/0/id")? == test_app.performance);
    let Some((reservation, seat)) = hold_any(test_app, &visitor, number).await? else {
        let left = visitor.client.delete("/v1/queue/token").await?;
        left.expect_status(204)?;
        return result_of(&visitor, None).await;
    };
    with_retries(|| visitor.charge(CHARGE, "charge"))
        .await?
        .expect_status(201)?;
    let paid = with_retries(|| visitor.pay(&reservation, "payment"))
        .await?
        .expect_status(200)?;
    ensure!(paid.text_at("/state")? == "confirmed" && *paid.at("/charged")? == PRICE);
    let again = with_retries(|| visitor.pay(&reservation, "payment"))
        .await?
        .expect_status(200)?;
    ensure!(again.json == paid.json, "a repeat gets the same answer");
    let gone = visitor.client.get(&test_app.performances_path()).await?;
    ensure!(
        gone.status == 410,
        "the place ends with the payment: {gone:?}"
    );
    result_of(&visitor, Some(seat)).await
}

/// Sends a request, and repeats it after `Retry-After` while it is answered with 503. That can
/// happen where many tests share a slow machine.
async fn with_retries<A>(ask: impl Fn() -> A) -> Result<Reply>
where
    A: Future<Output = Result<Reply>>,
{
    for _ in 0..60 {
        let reply = ask().await?;
        if reply.status != 503 {
            return Ok(reply);
        }
        let after = reply
            .header("retry-after")
            .and_then(|after| after.parse().ok());
        tokio::time::sleep(Duration::from_secs(
            after.context("a 503 says when to ask again")?,
        ))
        .await;
    }
    bail!("the program was overloaded for a minute")
}

/// Holds one of the seats that are shown as available, until there is none.
async fn hold_any(
    test_app: &TestApp,
    visitor: &Visitor,
    number: usize,
) -> Result<Option<(String, String)>> {
    let mut taken = HashSet::new();
    loop {
        let map = with_retries(|| async { visitor.client.get(&test_app.seats_path()).await })
            .await?
            .expect_status(200)?;
        let Some(wanted) = pick_seat(&map, &taken, number)? else {
            return Ok(None);
        };
        let held = with_retries(|| async { visitor.hold(test_app, &[&wanted]).await }).await?;
        match held.status {
            201 => return Ok(Some((held.text_at("/id")?.to_owned(), wanted))),
            409 => {
                ensure!(
                    held.text_at("/type")? == "/problems/seats-taken",
                    "{held:?}"
                );
                taken.insert(wanted);
            }
            _ => bail!("an unexpected answer to a hold: {held:?}"),
        }
    }
}

async fn result_of(visitor: &Visitor, seat: Option<String>) -> Result<UserResult> {
    let instant = |field: &str| -> Option<Timestamp> {
        visitor.place[field]
            .as_str()
            .and_then(|text| text.parse().ok())
    };
    let points = with_retries(|| async { visitor.client.get("/v1/points").await }).await?;
    let points = points.expect_status(200)?;
    Ok(UserResult {
        joined_at: instant("joined_at").context("every user joined")?,
        admitted_at: instant("admitted_at"),
        seat,
        balance: points.at("/balance")?.as_i64().context("a number")?,
    })
}

async fn every_seat_is_sold_once(test_app: &TestApp, results: &[UserResult]) -> Result<()> {
    let seats = results.iter().map(|result| result.seat.as_ref());
    assert_every_seat_has_its_own_buyer(seats, &test_app.sales().await?);

    let mut late = 0;
    eventually(
        "no user can join any more",
        Duration::from_secs(20),
        async || {
            late += 1; // a user who had joined before would get their place
            let late = test_app
                .user(&format!("late-{late}"))
                .post("/v1/queue/tokens");
            let late = late.json(&json!({"concert_id": test_app.concert})).await?;
            Ok(
                (late.status == 409 && late.text_at("/type")? == "/problems/sold-out")
                    .then_some(()),
            )
        },
    )
    .await
}

async fn every_user_was_charged_for_what_they_got(
    stores: Stores,
    test_app: &TestApp,
    results: &[UserResult],
) -> Result<()> {
    for result in results {
        let expected = match result.seat {
            Some(_) => CHARGE - PRICE,
            None => 0,
        };
        assert_eq!(result.balance, expected, "{result:?}");
    }
    assert_eq!(stores.totals(&test_app.app).await?, totals_of(1)?);
    reconciled(&test_app.app).await
}

fn admissions_were_in_order_and_within_the_rate(mut results: Vec<UserResult>) -> Result<()> {
    results.sort_by_key(|result| result.joined_at);
    let arrivals: BTreeSet<_> = results.iter().map(|result| result.joined_at).collect();
    assert_eq!(arrivals.len(), USERS, "no two arrive at the same instant");
    let admissions: Vec<_> = results
        .iter()
        .map_while(|result| result.admitted_at)
        .collect();
    let admitted = results
        .iter()
        .filter(|result| result.admitted_at.is_some())
        .count();
    assert_eq!(
        admissions.len(),
        admitted,
        "no user overtakes one who still waits"
    );
    assert!(admissions.is_sorted(), "admissions are in order of arrival");

    // The first user is admitted at once, and the windows begin with that admission.
    let first = *admissions.first().context("a user was admitted")?;
    let mut windows = BTreeMap::<i64, usize>::new();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "half a second in microseconds"
    )]
    let window_us = (WINDOW_S * 1e6) as i64;
    for admission in admissions {
        let since = admission.as_microsecond() - first.as_microsecond();
        *windows.entry(since / window_us).or_default() += 1;
    }
    assert!(
        windows.len() > 3,
        "the sale takes several windows: {windows:?}"
    );
    assert!(windows.values().all(|&count| count <= ADMIT), "{windows:?}");
    Ok(())
}
