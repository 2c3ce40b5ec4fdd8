//! A payment races with the release of its hold.

use anyhow::{Result, bail, ensure};
use diesel_async::SimpleAsyncConnection;
use frontrow_test_harness::Reply;

use super::{
    crowd::in_step,
    records::Records,
    refused_by,
    sale_instances::{SaleInstances, UserWithHold},
};
use crate::test_app::PRICE;

/// The number of users who pay and release at once, so that each request has a connection.
const PAIRS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn without_a_guard_a_release_frees_seats_that_were_paid() -> Result<()> {
    let instances = SaleInstances::open(1).await?;
    instances.user_with_hold("ann", 1).await?;
    let (mut pays, mut releases) = (instances.unguarded(1).await?, instances.unguarded(2).await?);
    let (seen, also_seen) = (pays.sees("ann").await?, releases.sees("ann").await?);
    ensure!(seen.hold == "alive" && also_seen.hold == "alive");
    let points = pays.sees_points("ann").await?;
    pays.pays(&seen, points).await?;
    // The second guard.
    let released = releases.ends(&also_seen, "cancelled").await;
    refused_by(released, "reservations_paid")?;

    let no_guard = "ALTER TABLE reservations DROP CONSTRAINT reservations_paid";
    releases.run(no_guard).await?;
    releases.ends(&also_seen, "cancelled").await?;
    let records = instances.records().await?;
    let found = records.contradictions();
    let charged = "ann cancelled, paid 1 times".to_owned();
    assert!(found.contains(&charged), "{found:?}");
    assert_eq!(records.balance("ann"), 0, "for nothing");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_guard_a_released_hold_is_paid() -> Result<()> {
    let instances = SaleInstances::open(1).await?;
    instances.user_with_hold("ann", 1).await?;
    let (mut pays, mut releases) = (instances.unguarded(1).await?, instances.unguarded(2).await?);
    let (seen, also_seen) = (pays.sees("ann").await?, releases.sees("ann").await?);
    let points = pays.sees_points("ann").await?;
    releases.ends(&also_seen, "cancelled").await?;
    instances.records().await?.ensure_sound()?;
    pays.pays(&seen, points).await?;
    let found = instances.records().await?.contradictions();
    let no_seat = "ann confirmed [\"R1-1\"] and has []".to_owned();
    assert!(found.contains(&no_seat), "{found:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_payment_and_a_release_one_wins_and_the_other_is_refused() -> Result<()> {
    let instances = SaleInstances::open(u16::try_from(2 * PAIRS)?).await?;
    let (mut paid, mut released) = (0, 0);
    for (round, payments_first) in [true, false].into_iter().enumerate() {
        let users = instances
            .users_with_points(&format!("fan-{round}"), PAIRS)
            .await?;
        let holders = instances.hold_one_seat_each(users, round * PAIRS).await?;
        let all_answers = both_at_once(&instances, &holders, payments_first).await?;
        let records = instances.records().await?;
        instances.ensure_sound(&records).await?;
        for (holder, answers) in holders.iter().zip(&all_answers) {
            if one_won(&records, holder, answers)? {
                paid += 1;
            } else {
                released += 1;
            }
        }
    }
    println!("{paid} were paid, {released} released");
    ensure!(
        paid > 0 && released > 0,
        "{paid} paid, {released} released: both must happen"
    );
    Ok(())
}

/// The answers to a holder's payment and release.
struct Answers {
    paid: Reply,
    released: Reply,
}

/// Sends payments and releases at once. All requests have read before one writes. The rows are
/// locked until then, and the requests that wait for them first usually get them first.
async fn both_at_once(
    instances: &SaleInstances,
    holders: &[UserWithHold],
    payments_first: bool,
) -> Result<Vec<Answers>> {
    let mut locked = instances.database().await?;
    let lock = "BEGIN; SELECT * FROM reservations WHERE state = 'held' FOR UPDATE";
    locked.batch_execute(lock).await?;
    let wait_for_turn = async |first: bool| -> Result<()> {
        if first {
            return Ok(());
        }
        instances.wait_for_rows(PAIRS).await
    };
    let payments = async {
        wait_for_turn(payments_first).await?;
        let payments = holders.iter().enumerate().map(|(number, holder)| {
            let visitor = holder.user.at(number);
            visitor.pay(&holder.reservation, "payment")
        });
        in_step(payments).await
    };
    let releases = async {
        wait_for_turn(!payments_first).await?;
        let releases = holders.iter().enumerate().map(|(number, holder)| {
            let visitor = holder.user.at(number + 1);
            visitor.release(&holder.reservation)
        });
        in_step(releases).await
    };
    let (paid, released, ()) = tokio::try_join!(payments, releases, async {
        instances.wait_for_rows(2 * PAIRS).await?;
        locked.batch_execute("COMMIT").await?;
        Ok(())
    })?;
    let answers = paid.into_iter().zip(released);
    Ok(answers
        .map(|(paid, released)| Answers { paid, released })
        .collect())
}

/// Returns true if the payment won. Checks that both answers agree with that.
fn one_won(records: &Records, holder: &UserWithHold, answers: &Answers) -> Result<bool> {
    let name = &holder.user.name;
    for answer in [&answers.paid, &answers.released] {
        records.assert_consistent_with(name, Some(&holder.reservation), answer)?;
    }
    let paid = match (answers.paid.status, answers.released.status) {
        (200, 409) => true,
        (410, 204) => false,
        both => bail!("one of them wins: {both:?}"),
    };
    assert_eq!(records.balance(name), if paid { 0 } else { PRICE });
    Ok(paid)
}
