//! One payment, sent many times at once.

use anyhow::{Result, ensure};
use frontrow_test_harness::Reply;

use super::{
    box_office::{BoxOffice, Holder},
    crowd::{all_look_first, in_step},
    records::Records,
    refused_by,
};
use crate::test_app::PRICE;

const AT_ONCE: usize = 20;
/// The number of runs without step-by-step control, after one run with it.
const ROUNDS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn without_the_row_of_a_key_its_request_takes_effect_twice() -> Result<()> {
    let office = BoxOffice::open(1).await?;
    office.customer(0, "ann").await?;
    let (mut first, mut again) = (office.careless(1).await?, office.careless(2).await?);
    ensure!(!first.sees_key("ann", "key").await? && !again.sees_key("ann", "key").await?);
    let points = first.sees_points("ann").await?;
    first.charges("ann", points, 7).await?;
    let points = again.sees_points("ann").await?;
    again.charges("ann", points, 7).await?;
    let records = office.records().await?;
    records.ensure_sound()?;
    assert_eq!(
        records.balance("ann"),
        PRICE + 14,
        "only the key could tell"
    );

    // The second guard: had they written the key down with the charge, one could not have.
    first.remembers_key("ann", "key").await?;
    refused_by(again.remembers_key("ann", "key").await, "Duplicate entry")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_guard_two_keys_pay_twice() -> Result<()> {
    let office = BoxOffice::open(1).await?;
    let ann = office.holder("ann", 1).await?;
    ann.customer
        .at(0)
        .charge(PRICE, "second")
        .await?
        .expect_status(201)?;
    let (mut first, mut second) = (office.careless(1).await?, office.careless(2).await?);
    let (seen, also_seen) = (first.sees("ann").await?, second.sees("ann").await?);
    ensure!(seen.hold == "alive" && also_seen.hold == "alive");
    let points = first.sees_points("ann").await?;
    first.pays(&seen, points).await?;
    let points = second.sees_points("ann").await?;
    // The second guard.
    refused_by(second.pays(&also_seen, points).await, "ledger_one_payment")?;
    office.records().await?.ensure_sound()?;

    let no_guard = "ALTER TABLE ledger DROP INDEX ledger_one_payment, ADD INDEX (reservation_id)";
    second.run(no_guard).await?;
    second.pays(&also_seen, points).await?;
    let records = office.records().await?;
    let found = records.contradictions();
    let twice = "ann confirmed, paid 2 times".to_owned();
    assert!(found.contains(&twice), "{found:?}");
    assert_eq!(records.balance("ann"), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_payments_with_one_key_pay_once_and_are_told_the_same() -> Result<()> {
    let office = BoxOffice::open(9).await?;
    for round in 0..=ROUNDS {
        let fan = office.holder(&format!("fan-{round}"), round + 1).await?;
        let answers = twenty(&office, &fan, round == 0, |_| "key".to_owned()).await?;
        let records = paid_once(&office, &fan).await?;
        for answer in &answers {
            assert_eq!((answer.status, &answer.json), (200, &answers[0].json));
            records.assert_consistent_with(&fan.customer.name, Some(&fan.reservation), answer)?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_payments_with_twenty_keys_pay_once() -> Result<()> {
    let office = BoxOffice::open(9).await?;
    for round in 0..=ROUNDS {
        let fan = office.holder(&format!("fan-{round}"), round + 1).await?;
        let key = |number| format!("key-{number}");
        let answers = twenty(&office, &fan, round == 0, key).await?;
        let records = paid_once(&office, &fan).await?;
        for answer in &answers {
            records.assert_consistent_with(&fan.customer.name, Some(&fan.reservation), answer)?;
        }
        let paid = answers.iter().filter(|answer| answer.status == 200);
        assert_eq!(paid.count(), 1, "{answers:?}");
    }
    Ok(())
}

/// Sends one payment twenty times, to all desks. With `in_line`, all requests read before one pays.
async fn twenty(
    office: &BoxOffice,
    fan: &Holder,
    in_line: bool,
    key: impl Fn(usize) -> String,
) -> Result<Vec<Reply>> {
    // So that a second payment would find points.
    let more = fan.customer.at(0).charge(PRICE, "second charge").await?;
    more.expect_status(201)?;
    let payments = (0..AT_ONCE).map(|number| {
        let key = key(number);
        async move { fan.customer.at(number).pay(&fan.reservation, &key).await }
    });
    if in_line {
        all_look_first(office, payments.collect()).await
    } else {
        in_step(payments).await
    }
}

async fn paid_once(office: &BoxOffice, fan: &Holder) -> Result<Records> {
    let records = office.records().await?;
    office.ensure_sound(&records).await?;
    let reservation = records.reservation(&fan.reservation)?;
    assert_eq!(records.payments_of(reservation).len(), 1);
    assert_eq!(records.balance(&fan.customer.name), PRICE);
    Ok(records)
}
