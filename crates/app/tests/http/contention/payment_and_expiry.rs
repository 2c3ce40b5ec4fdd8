//! A payment races with the expiry of its hold.

use std::time::Duration;

use anyhow::{Result, ensure};
use diesel_async::SimpleAsyncConnection;
use frontrow_test_harness::Reply;
use tokio::time::sleep;

use super::{
    crowd::in_step,
    refused_by,
    sale_instances::{SaleInstances, UserWithHold, with_long_timeouts},
    unguarded::end_of_holds,
};
use crate::{clock::now, lifetimes::instant, test_app::PRICE};

/// The number of payments that read before the deadline and pay after it.
const LATE: usize = 10;
/// The number of holds that end in one round, and the time between their payments.
const PAIRS: usize = 20;
const APART_MS: i64 = 2;
const ROUNDS_MAX: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn without_a_guard_a_hold_that_was_read_in_time_is_paid_too_late() -> Result<()> {
    let instances = SaleInstances::open(1).await?;
    instances.user_with_hold("ann", 1).await?;
    let (mut payer, mut sweep) = (instances.unguarded(1).await?, instances.unguarded(2).await?);
    let (seen, points) = (payer.sees("ann").await?, payer.sees_points("ann").await?);
    ensure!(seen.hold == "alive");
    sweep.lets_time_pass("ann", -1).await?;
    let due = sweep.sees("ann").await?;
    ensure!(due.hold == "due");
    sweep.ends(&due, "expired").await?;
    sweep.takes("ben", "R1-1").await?;
    instances.records().await?.ensure_sound()?;
    payer.pays(&seen, points).await?;
    let found = instances.records().await?.contradictions();
    let both = "R1-1 is reserved for ann and ben".to_owned();
    assert!(found.contains(&both), "{found:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_guard_a_sweep_frees_seats_that_were_paid_since_it_read_them() -> Result<()> {
    let instances = SaleInstances::open(1).await?;
    instances.user_with_hold("ann", 1).await?;
    let (mut payer, mut sweep) = (instances.unguarded(1).await?, instances.unguarded(2).await?);
    let (seen, points) = (payer.sees("ann").await?, payer.sees_points("ann").await?);
    sweep.lets_time_pass("ann", -1).await?;
    let due = sweep.sees("ann").await?;
    ensure!(seen.hold == "alive" && due.hold == "due");
    // The payment both reads and writes before the sweep writes.
    payer.pays(&seen, points).await?;
    // The second guard.
    refused_by(sweep.ends(&due, "expired").await, "reservations_paid")?;
    instances.records().await?.ensure_sound()?;

    let no_guard = "ALTER TABLE reservations DROP CONSTRAINT reservations_paid";
    sweep.run(no_guard).await?;
    sweep.ends(&due, "expired").await?;
    let found = instances.records().await?.contradictions();
    let unpaid = "ann expired, paid 1 times".to_owned();
    assert!(found.contains(&unpaid), "{found:?}");
    Ok(())
}

/// The payments read before the deadline, and wait for a row lock until it is past.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_reads_in_time_and_writes_too_late_is_refused() -> Result<()> {
    let instances = SaleInstances::open(20).await?;
    let holders = instances.users_with_points("fan", LATE).await?;
    let rivals = instances.users_with_points("rival", LATE).await?;
    let holders = instances.hold_one_seat_each(holders, 0).await?;
    let mut locked = instances.database().await?;
    let lock = "BEGIN; SELECT * FROM balances WHERE user_id LIKE 'fan-%' FOR UPDATE";
    locked.batch_execute(lock).await?;

    let payments = holders
        .iter()
        .enumerate()
        .map(|(number, holder)| async move {
            holder
                .user
                .at(number)
                .pay(&holder.reservation, "payment")
                .await
        });
    let (payments, taken) = tokio::try_join!(in_step(payments), async {
        instances.wait_for_rows(LATE).await?;
        locked.batch_execute(&end_of_holds("fan-%", -1)).await?;
        locked.batch_execute("COMMIT").await?;
        let takes = rivals.iter().enumerate().map(|(number, rival)| {
            let (instance, seat) = (instances.instance(number), holders[number].seat.as_str());
            async move { rival.at(number).hold(instance, &[seat]).await }
        });
        in_step(takes).await
    })?;
    let records = instances.records().await?;
    instances.ensure_sound(&records).await?;
    for (holder, payment) in holders.iter().zip(&payments) {
        assert_eq!(payment.status, 410, "{payment:?}");
        records.assert_consistent_with(&holder.user.name, Some(&holder.reservation), payment)?;
        assert_eq!(records.balance(&holder.user.name), PRICE);
    }
    for (rival, taken) in rivals.iter().zip(&taken) {
        assert_eq!(taken.status, 201, "{taken:?}");
        records.assert_consistent_with(&rival.name, None, taken)?;
    }
    Ok(())
}

/// A user who holds and pays, and another one who requests the same seat at the same moment. Sweeps
/// run meanwhile.
struct Pair {
    holder: UserWithHold,
    paid: Reply,
    rival: String,
    taken: Reply,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_around_its_deadline_is_either_paid_in_full_or_expired() -> Result<()> {
    let brief = with_long_timeouts()
        .await?
        .env("FRONTROW_RESERVATION__HOLD_S", "1");
    let seats = u16::try_from(PAIRS * ROUNDS_MAX)?;
    let instances = SaleInstances::open_with(brief, seats).await?;
    let (mut in_time, mut too_late) = (0, 0);
    // On a busy machine, a request takes longer to reach the database.
    let mut lead_ms = 10;
    for round in 0..ROUNDS_MAX {
        let (paid, lost) = one_round(&instances, round, lead_ms).await?;
        println!("{lead_ms} ms ahead: {paid} were in time, {lost} too late");
        in_time += paid;
        too_late += lost;
        if in_time > 0 && too_late > 0 {
            return Ok(());
        }
        lead_ms += if paid == 0 { 100 } else { -40 };
    }
    anyhow::bail!("{in_time} were in time, {too_late} too late: both must happen");
}

/// Returns the numbers of payments in time and of payments too late.
async fn one_round(
    instances: &SaleInstances,
    round: usize,
    lead_ms: i64,
) -> Result<(usize, usize)> {
    let rivals = instances
        .users_with_points(&format!("rival-{round}"), PAIRS)
        .await?;
    let users = instances
        .users_with_points(&format!("fan-{round}"), PAIRS)
        .await?;
    let middle = i64::try_from(PAIRS / 2)?;
    let pairs = users.into_iter().zip(rivals).enumerate();
    let pairs = pairs.map(|(number, (user, rival))| async move {
        let seat = format!("R1-{}", round * PAIRS + number + 1);
        let held = user
            .at(number)
            .hold(instances.instance(number), &[&seat])
            .await?;
        let held = held.expect_status(201)?;
        let reservation = held.text_at("/id")?.to_owned();
        let offset_ms = APART_MS * (i64::try_from(number)? - middle) - lead_ms;
        let left = now().duration_until(instant(held.at("/held_until")?)?);
        let left_ms = left.as_millis() + i128::from(offset_ms);
        sleep(Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))).await;
        let wanted = [seat.as_str()];
        let (paid, taken) = tokio::try_join!(
            user.at(number + 1).pay(&reservation, "payment"),
            rival
                .at(number + 2)
                .hold(instances.instance(number + 2), &wanted),
        )?;
        let holder = UserWithHold {
            user,
            reservation,
            seat,
        };
        Ok(Pair {
            holder,
            paid,
            rival: rival.name,
            taken,
        })
    });
    let pairs = in_step(pairs).await?;
    let records = instances.records().await?;
    instances.ensure_sound(&records).await?;
    for pair in &pairs {
        let UserWithHold {
            user, reservation, ..
        } = &pair.holder;
        let in_time = pair.paid.status == 200;
        records.assert_consistent_with(&user.name, Some(reservation), &pair.paid)?;
        records.assert_consistent_with(&pair.rival, None, &pair.taken)?;
        let left = if in_time { 0 } else { PRICE };
        assert_eq!(records.balance(&user.name), left);
        ensure!(!in_time || pair.taken.status == 409, "taken from its buyer");
    }
    let in_time = pairs.iter().filter(|pair| pair.paid.status == 200).count();
    Ok((in_time, PAIRS - in_time))
}
