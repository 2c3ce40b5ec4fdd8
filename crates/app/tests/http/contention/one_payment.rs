//! One payment, sent many times at once.

use anyhow::{Result, ensure};
use frontrow_test_harness::Reply;

use super::{
    crowd::{all_read_first, in_step},
    records::Records,
    refused_by,
    sale_instances::{SaleInstances, UserWithHold},
};
use crate::test_app::PRICE;

const AT_ONCE: usize = 20;
/// The number of runs without step-by-step control, after one run with it.
const ROUNDS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn without_the_row_of_a_key_its_request_takes_effect_twice() -> Result<()> {
    let instances = SaleInstances::open(1).await?;
    instances.user_with_points(0, "ann").await?;
    let (mut first, mut again) = (instances.unguarded(1).await?, instances.unguarded(2).await?);
    ensure!(!first.sees_key("ann", "key").await? && !again.sees_key("ann", "key").await?);
    let points = first.sees_points("ann").await?;
    first.charges("ann", points, 7).await?;
    let points = again.sees_points("ann").await?;
    again.charges("ann", points, 7).await?;
    let records = instances.records().await?;
    records.ensure_sound()?;
    assert_eq!(records.balance("ann"), PRICE + 14, "only the key shows it");

    // The second guard: if both record the key with the charge, one of them fails.
    first.remembers_key("ann", "key").await?;
    refused_by(again.remembers_key("ann", "key").await, "Duplicate entry")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_guard_two_keys_pay_twice() -> Result<()> {
    let instances = SaleInstances::open(1).await?;
    let ann = instances.user_with_hold("ann", 1).await?;
    ann.user
        .at(0)
        .charge(PRICE, "second")
        .await?
        .expect_status(201)?;
    let (mut first, mut second) = (instances.unguarded(1).await?, instances.unguarded(2).await?);
    let (seen, also_seen) = (first.sees("ann").await?, second.sees("ann").await?);
    ensure!(seen.hold == "alive" && also_seen.hold == "alive");
    let points = first.sees_points("ann").await?;
    first.pays(&seen, points).await?;
    let points = second.sees_points("ann").await?;
    // The second guard.
    refused_by(second.pays(&also_seen, points).await, "ledger_one_payment")?;
    instances.records().await?.ensure_sound()?;

    let no_guard = "ALTER TABLE ledger DROP INDEX ledger_one_payment, ADD INDEX (reservation_id)";
    second.run(no_guard).await?;
    second.pays(&also_seen, points).await?;
    let records = instances.records().await?;
    let found = records.contradictions();
    let twice = "ann confirmed, paid 2 times".to_owned();
    assert!(found.contains(&twice), "{found:?}");
    assert_eq!(records.balance("ann"), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_payments_with_one_key_pay_once_and_get_the_same_answer() -> Result<()> {
    let instances = SaleInstances::open(9).await?;
    for round in 0..=ROUNDS {
        let holder = instances
            .user_with_hold(&format!("fan-{round}"), round + 1)
            .await?;
        let answers = send_twenty(&instances, &holder, round == 0, |_| "key".to_owned()).await?;
        let records = paid_once(&instances, &holder).await?;
        for answer in &answers {
            assert_eq!((answer.status, &answer.json), (200, &answers[0].json));
            records.assert_consistent_with(&holder.user.name, Some(&holder.reservation), answer)?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_payments_with_twenty_keys_pay_once() -> Result<()> {
    let instances = SaleInstances::open(9).await?;
    for round in 0..=ROUNDS {
        let holder = instances
            .user_with_hold(&format!("fan-{round}"), round + 1)
            .await?;
        let key = |number| format!("key-{number}");
        let answers = send_twenty(&instances, &holder, round == 0, key).await?;
        let records = paid_once(&instances, &holder).await?;
        for answer in &answers {
            records.assert_consistent_with(&holder.user.name, Some(&holder.reservation), answer)?;
        }
        let paid = answers.iter().filter(|answer| answer.status == 200);
        assert_eq!(paid.count(), 1, "{answers:?}");
    }
    Ok(())
}

/// Sends one payment twenty times, to all instances. With `all_read_before`, all requests read
/// before one pays.
async fn send_twenty(
    instances: &SaleInstances,
    holder: &UserWithHold,
    all_read_before: bool,
    key: impl Fn(usize) -> String,
) -> Result<Vec<Reply>> {
    // A second payment must find points.
    let more = holder.user.at(0).charge(PRICE, "second charge").await?;
    more.expect_status(201)?;
    let payments = (0..AT_ONCE).map(|number| {
        let key = key(number);
        async move { holder.user.at(number).pay(&holder.reservation, &key).await }
    });
    if all_read_before {
        all_read_first(instances, payments.collect()).await
    } else {
        in_step(payments).await
    }
}

async fn paid_once(instances: &SaleInstances, holder: &UserWithHold) -> Result<Records> {
    let records = instances.records().await?;
    instances.ensure_sound(&records).await?;
    let reservation = records.reservation(&holder.reservation)?;
    assert_eq!(records.payments_of(reservation).len(), 1);
    assert_eq!(records.balance(&holder.user.name), PRICE);
    Ok(records)
}
