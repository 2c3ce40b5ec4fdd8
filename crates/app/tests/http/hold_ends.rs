//! Payments, and requests for the same seats, around the deadlines of many holds.

use std::time::Duration;

use anyhow::{Result, ensure};
use frontrow_test_harness::{Reply, eventually};
use futures_util::future::try_join_all;
use serde_json::json;
use tokio::time::sleep;

use crate::{
    lifetimes::{SOON, instant, state_becomes},
    on_every_store,
    stores::{Stores, Totals},
    test_app::{PRICE, TestApp, Visitor},
};

/// The number of users who hold a seat and pay for it around its deadline.
const HOLDERS: u64 = 32;

on_every_store!(a_hold_around_its_deadline_is_paid_in_full_or_lost_in_full);

/// The time of a holder's payment.
#[derive(Debug, Clone, Copy)]
enum Pays {
    /// Long before the deadline.
    AtOnce,
    /// This long after the answer to the hold: close to the deadline, before or after it.
    After(Duration),
    /// When the program itself reports that the hold has expired.
    WhenOver,
}

async fn a_hold_around_its_deadline_is_paid_in_full_or_lost_in_full(stores: Stores) -> Result<()> {
    let config = stores
        .config()
        .await?
        .env("FRONTROW_RESERVATION__HOLD_S", "1");
    let seats = u16::try_from(HOLDERS)?;
    let test_app = TestApp::open_with(config, 1, seats, json!({})).await?;
    let pairs = (0..HOLDERS).map(|number| one_seat(&test_app, number, pays_when(number)));
    let sold = try_join_all(pairs).await?;
    ensure!(
        sold.iter().all(|&(first, rival)| !(first && rival)),
        "a seat was sold twice: {sold:?}"
    );
    let firsts = i64::try_from(sold.iter().filter(|(first, _)| *first).count())?;
    let rivals = i64::try_from(sold.iter().filter(|(_, rival)| *rival).count())?;
    assert!((4..=28).contains(&firsts), "{firsts} were in time");
    let sold = firsts + rivals;
    let expected = Totals {
        wrong_balances: 0,
        payments: sold,
        paid: sold * PRICE,
        seats_sold: sold,
    };
    assert_eq!(stores.totals(&test_app.app).await?, expected);
    Ok(())
}

/// The first few payments are in time and the last few are too late. The others are a few
/// milliseconds apart, around the second for which a hold lasts here.
fn pays_when(number: u64) -> Pays {
    match number {
        0..4 => Pays::AtOnce,
        28.. => Pays::WhenOver,
        _ => Pays::After(Duration::from_millis(936 + 4 * number)),
    }
}

/// Two users want one seat. One holds it and pays at some instant, the other takes it over as soon
/// as it is free and pays immediately. Returns which of them bought it.
async fn one_seat(test_app: &TestApp, number: u64, pays: Pays) -> Result<(bool, bool)> {
    let holder = test_app.join(&format!("holder-{number}")).await?;
    let rival = test_app.join(&format!("rival-{number}")).await?;
    for visitor in [&holder, &rival] {
        visitor.charge(PRICE, "charge").await?.expect_status(201)?;
    }
    let seat = format!("R1-{}", number + 1);
    let held = holder.hold(test_app, &[&seat]).await?.expect_status(201)?;
    let (first, second) = tokio::try_join!(
        pay(&holder, &held, pays),
        take_over(test_app, &rival, &seat, &holder, &held),
    )?;
    match pays {
        Pays::AtOnce => ensure!(first, "it was in time"),
        Pays::WhenOver => ensure!(!first, "it was over"),
        Pays::After(_) => {}
    }
    Ok((first, second))
}

/// Pays. Returns true if it was in time.
async fn pay(holder: &Visitor, held: &Reply, pays: Pays) -> Result<bool> {
    let reservation = held.text_at("/id")?;
    match pays {
        Pays::AtOnce => {}
        Pays::After(pause) => sleep(pause).await,
        Pays::WhenOver => drop(state_becomes(holder, reservation, "expired").await?),
    }
    let answer = holder.pay(reservation, "payment").await?;
    let in_time = answer.status == 200;
    if in_time {
        let confirmed = instant(answer.at("/confirmed_at")?)?;
        ensure!(confirmed < instant(held.at("/held_until")?)?, "paid late");
        ensure!(*answer.at("/charged")? == PRICE && *answer.at("/balance")? == 0);
    } else {
        let answer = answer.expect_status(410)?;
        ensure!(answer.text_at("/type")? == "/problems/hold-over");
        ensure!(holder.balance().await? == PRICE, "charged for nothing");
    }
    let end = if in_time { "confirmed" } else { "expired" };
    state_becomes(holder, reservation, end).await?;
    Ok(in_time)
}

/// Requests the seat until it is free or sold. Returns true if this user bought it.
async fn take_over(
    test_app: &TestApp,
    rival: &Visitor,
    seat: &str,
    holder: &Visitor,
    held: &Reply,
) -> Result<bool> {
    let path = format!("/v1/reservations/{}", held.text_at("/id")?);
    let taken = eventually("the seat is sold", SOON, async || {
        // This request comes first: a reservation that is confirmed then cannot be lost by the hold
        // that follows.
        let before = holder.client.get(&path).await?.expect_status(200)?;
        let confirmed = before.text_at("/state")? == "confirmed";
        let answer = rival.hold(test_app, &[seat]).await?;
        ensure!(answer.status != 201 || !confirmed, "taken from its buyer");
        if answer.status == 201 {
            return Ok(Some(Some(answer)));
        }
        let answer = answer.expect_status(409)?;
        ensure!(answer.text_at("/type")? == "/problems/seats-taken");
        Ok(confirmed.then_some(None))
    })
    .await?;
    let Some(taken) = taken else {
        return Ok(false);
    };
    let answer = rival.pay(taken.text_at("/id")?, "payment").await?;
    ensure!(
        answer.status == 200 || answer.status == 410,
        "a busy machine may take a second to pay: {answer:?}"
    );
    Ok(answer.status == 200)
}
