//! One user's points, changed by many requests at once.

use anyhow::Result;
use frontrow_test_harness::Reply;

use super::{
    crowd::{all_read_first, in_step},
    sale_instances::{SaleInstances, bypass_policy},
};
use crate::test_app::{PRICE, TestApp, Visitor, on_sale};

const CHARGES: usize = 160;
const PAYMENTS: usize = 40;
/// The amount of each charge, in points.
const AMOUNT: i64 = 7;

#[tokio::test(flavor = "multi_thread")]
async fn without_a_guard_a_charge_is_lost() -> Result<()> {
    let instances = SaleInstances::open(1).await?;
    instances.user_with_points(0, "ann").await?;
    let (mut first, mut second) = (instances.unguarded(1).await?, instances.unguarded(2).await?);
    let (seen, also_seen) = (
        first.sees_points("ann").await?,
        second.sees_points("ann").await?,
    );
    first.charges("ann", seen, 30).await?;
    second.charges("ann", also_seen, 50).await?;
    let found = instances.records().await?.contradictions();
    let [lost, no_chain] = [
        "ann has 150 where the ledger has 180",
        "ann's ledger is no chain",
    ];
    assert_eq!(found, [lost, no_chain]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_charges_and_payments_of_one_user_add_up() -> Result<()> {
    let instances = SaleInstances::open(1).await?;
    let ann = instances.user_with_points(0, "ann").await?;
    let enough = PRICE * i64::try_from(PAYMENTS)?;
    ann.at(0)
        .charge(enough, "enough")
        .await?
        .expect_status(201)?;
    // A user may have one hold in a concert, so each payment needs a concert of its own.
    let holding = (0..PAYMENTS).map(|number| another_hold(instances.instance(number)));
    let holds = in_step(holding).await?;

    let everything = (0..CHARGES + PAYMENTS).map(|number| {
        let (ann, hold, key) = (ann.at(number), holds.get(number / 5), number.to_string());
        async move {
            match hold {
                // One request in five is a payment, of a hold that any instance may have made.
                Some((visitor, id)) if number % 5 == 0 => visitor.pay(id, &key).await,
                _ => ann.charge(AMOUNT, &key).await,
            }
        }
    });
    let answers = all_read_first(&instances, everything.collect()).await?;

    let records = instances.records().await?;
    instances.ensure_sound(&records).await?;
    for (number, answer) in answers.iter().enumerate() {
        match holds.get(number / 5) {
            Some((_, id)) if number % 5 == 0 => {
                assert_eq!(answer.status, 200, "{answer:?}");
                records.assert_consistent_with("ann", Some(id), answer)?;
            }
            _ => assert_eq!(answer.status, 201, "{answer:?}"),
        }
    }
    every_balance_was_returned_once(&answers)?;
    let charged = AMOUNT * i64::try_from(CHARGES)?;
    assert_eq!(records.balance("ann"), PRICE + charged);
    assert_eq!(records.count("confirmed"), PAYMENTS);
    Ok(())
}

/// Puts another concert on sale and lets the user hold its only seat. Returns the user's client for
/// that concert and the reservation.
async fn another_hold(instance: &TestApp) -> Result<(Visitor, String)> {
    let (concert, performance) = on_sale(&instance.app, 1, 1, bypass_policy()).await?;
    let visitor = instance.join_concert("ann", &concert).await?;
    let held = crate::lifetimes::hold_at(&visitor, &performance, &["R1-1"]).await?;
    let id = held.expect_status(201)?.text_at("/id")?.to_owned();
    Ok((visitor, id))
}

/// Each answer shows the balance after its change. The changes form one chain, so no two start from
/// the same balance.
fn every_balance_was_returned_once(answers: &[Reply]) -> Result<()> {
    let mut changes = Vec::new();
    for answer in answers {
        let balance = answer.at("/balance")?.as_i64().unwrap_or(-1);
        let change = if answer.status == 200 { -PRICE } else { AMOUNT };
        changes.push((balance - change, balance));
    }
    let mut begins: Vec<_> = changes.iter().map(|(begin, _)| *begin).collect();
    let mut ends: Vec<_> = changes.iter().map(|(_, end)| *end).collect();
    let first = PRICE + PRICE * i64::try_from(PAYMENTS)?;
    let last = PRICE + AMOUNT * i64::try_from(CHARGES)?;
    begins.push(last);
    ends.push(first);
    begins.sort_unstable();
    ends.sort_unstable();
    assert_eq!(begins, ends);
    Ok(())
}
