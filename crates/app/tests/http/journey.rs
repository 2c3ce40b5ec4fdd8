//! 300 users come at once for 200 seats.

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
        CHARGE, ROWS, SEATS_A_ROW, USERS, books_of, every_seat_went_to_somebody_else, pick_seat,
    },
    stores::Stores,
    test_app::{PRICE, TestApp, Visitor},
};

/// The number of admissions per window, and its length. The 300 users need several windows.
const ADMIT: usize = 40;
const WINDOW_S: f64 = 0.5;

/// The result of one user.
#[derive(Debug)]
struct Evening {
    joined_at: Timestamp,
    /// None for users who still waited when all seats were sold.
    admitted_at: Option<Timestamp>,
    /// The seat that was paid for.
    seat: Option<String>,
    balance: i64,
}

on_every_store!(three_hundred_people_buy_two_hundred_seats);

async fn three_hundred_people_buy_two_hundred_seats(stores: Stores) -> Result<()> {
    let policy = json!({"throughput": {"admit": ADMIT, "interval_s": WINDOW_S}});
    let test_app = Arc::new(TestApp::open(stores, ROWS, SEATS_A_ROW, policy).await?);
    let mut people = JoinSet::new();
    for number in 0..USERS {
        let test_app = Arc::clone(&test_app);
        people.spawn(async move {
            evening(&test_app, number)
                .await
                .with_context(|| format!("user {number}"))
        });
    }
    let mut evenings = Vec::new();
    while let Some(evening) = people.join_next().await {
        evenings.push(evening??);
    }
    every_seat_is_sold_once(&test_app, &evenings).await?;
    everybody_was_charged_for_what_they_got(stores, &test_app, &evenings).await?;
    admissions_were_in_order_and_within_the_rate(evenings)
}

/// Joins, waits, looks at the seats, holds one, charges and pays, or learns that all seats are
/// gone.
async fn evening(test_app: &TestApp, number: usize) -> Result<Evening> {
    let mut visitor = test_app.join(&format!("user-{number}")).await?;
    if !visitor.is_active() {
        let early =
            patiently(|| async { visitor.client.get(&test_app.performances_path()).await }).await?;
        ensure!(
            early.status == 429 || early.status == 200,
            "before the turn: {early:?}"
        );
        // A user who passed must have been admitted by then.
        ensure!(early.status == 429 || visitor.look_up().await.is_ok() && visitor.is_active());
    }
    while !visitor.is_active() {
        if visitor.place["queue"]["sold_out"] == true {
            return ended(&visitor, None).await;
        }
        visitor.pause().await;
        visitor.look_up().await?.expect_status(200)?;
    }
    let performances =
        patiently(|| async { visitor.client.get(&test_app.performances_path()).await }).await?;
    let performances = performances.expect_status(200)?;
    ensure!(performances.text_at("/items/0/id")? == test_app.performance);
    let Some((reservation, seat)) = hold_any(test_app, &visitor, number).await? else {
        let left = visitor.client.delete("/v1/queue/token").await?;
        left.expect_status(204)?;
        return ended(&visitor, None).await;
    };
    patiently(|| visitor.charge(CHARGE, "charge"))
        .await?
        .expect_status(201)?;
    let paid = patiently(|| visitor.pay(&reservation, "payment"))
        .await?
        .expect_status(200)?;
    ensure!(paid.text_at("/state")? == "confirmed" && *paid.at("/charged")? == PRICE);
    let again = patiently(|| visitor.pay(&reservation, "payment"))
        .await?
        .expect_status(200)?;
    ensure!(again.json == paid.json, "a repeat is told the same");
    let gone = visitor.client.get(&test_app.performances_path()).await?;
    ensure!(
        gone.status == 410,
        "the place ends with the payment: {gone:?}"
    );
    ended(&visitor, Some(seat)).await
}

/// Sends a request as clients do: again after a while if the program says that it is overloaded.
/// That can happen where many tests share a slow machine.
async fn patiently<A>(ask: impl Fn() -> A) -> Result<Reply>
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
        let map = patiently(|| async { visitor.client.get(&test_app.seats_path()).await })
            .await?
            .expect_status(200)?;
        let Some(wanted) = pick_seat(&map, &taken, number)? else {
            return Ok(None);
        };
        let held = patiently(|| async { visitor.hold(test_app, &[&wanted]).await }).await?;
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

async fn ended(visitor: &Visitor, seat: Option<String>) -> Result<Evening> {
    let instant = |field: &str| -> Option<Timestamp> {
        visitor.place[field]
            .as_str()
            .and_then(|text| text.parse().ok())
    };
    let points = patiently(|| async { visitor.client.get("/v1/points").await }).await?;
    let points = points.expect_status(200)?;
    Ok(Evening {
        joined_at: instant("joined_at").context("everybody joined")?,
        admitted_at: instant("admitted_at"),
        seat,
        balance: points.at("/balance")?.as_i64().context("a number")?,
    })
}

async fn every_seat_is_sold_once(test_app: &TestApp, evenings: &[Evening]) -> Result<()> {
    let seats = evenings.iter().map(|evening| evening.seat.as_ref());
    every_seat_went_to_somebody_else(seats, &test_app.sales().await?);

    let mut late = 0;
    eventually(
        "nobody can join any more",
        Duration::from_secs(20),
        async || {
            late += 1; // who had joined just before would be told of their place
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

async fn everybody_was_charged_for_what_they_got(
    stores: Stores,
    test_app: &TestApp,
    evenings: &[Evening],
) -> Result<()> {
    for evening in evenings {
        let expected = match evening.seat {
            Some(_) => CHARGE - PRICE,
            None => 0,
        };
        assert_eq!(evening.balance, expected, "{evening:?}");
    }
    assert_eq!(stores.books(&test_app.app).await?, books_of(1)?);
    reconciled(&test_app.app).await
}

fn admissions_were_in_order_and_within_the_rate(mut evenings: Vec<Evening>) -> Result<()> {
    evenings.sort_by_key(|evening| evening.joined_at);
    let arrivals: BTreeSet<_> = evenings.iter().map(|evening| evening.joined_at).collect();
    assert_eq!(arrivals.len(), USERS, "no two arrive at the same instant");
    let admissions: Vec<_> = evenings
        .iter()
        .map_while(|evening| evening.admitted_at)
        .collect();
    let admitted = evenings
        .iter()
        .filter(|evening| evening.admitted_at.is_some())
        .count();
    assert_eq!(
        admissions.len(),
        admitted,
        "nobody overtakes one who still waits"
    );
    assert!(admissions.is_sorted(), "admissions are in order of arrival");

    // The first to come is admitted at once, and with that admission the windows begin.
    let first = *admissions.first().context("somebody was admitted")?;
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
