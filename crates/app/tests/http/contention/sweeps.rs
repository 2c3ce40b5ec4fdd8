//! Several sweeps of expired holds, while users pay for live holds and take over expired ones.

use anyhow::Result;
use frontrow_test_harness::eventually;

use super::{
    crowd::{all_read_first, in_step},
    sale_instances::SaleInstances,
};
use crate::{lifetimes::SOON, test_app::PRICE};

/// The number of holds that are paid. The same number are expired and taken over, and the same
/// number are expired and swept. Few enough to leave a connection for the sweep of each process.
const EACH: usize = 18;

#[tokio::test(flavor = "multi_thread")]
async fn without_a_guard_a_second_sweep_frees_seats_that_were_taken_since() -> Result<()> {
    let instances = SaleInstances::open(1).await?;
    instances.user_with_hold("ann", 1).await?;
    let (mut first, mut second) = (instances.unguarded(1).await?, instances.unguarded(2).await?);
    let (seen, also_seen) = (first.sees("ann").await?, second.sees("ann").await?);
    first.ends(&seen, "expired").await?;
    first.takes("ben", "R1-1").await?;
    instances.records().await?.ensure_sound()?;
    second.ends(&also_seen, "expired").await?;
    let found = instances.records().await?.contradictions();
    assert_eq!(found, ["ben held [\"R1-1\"] and has []"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sweeps_of_several_processes_take_no_seat_from_users_who_pay() -> Result<()> {
    let instances = SaleInstances::open(u16::try_from(3 * EACH)?).await?;
    let payers = instances.users_with_points("payer", EACH).await?;
    let payers = instances.hold_one_seat_each(payers, 0).await?;
    let late = instances.users_with_points("late", 2 * EACH).await?;
    let late = instances.hold_one_seat_each(late, EACH).await?;
    let rivals = instances.users_with_points("rival", EACH).await?;

    // The holds expire while the sweeps wait for the lock, too.
    instances
        .unguarded(1)
        .await?
        .lets_time_pass("late-%", 1)
        .await?;
    let requests = (0..2 * EACH).map(|number| {
        let (payer, seat, rival) = (
            &payers[number / 2],
            late[number / 2].seat.as_str(),
            &rivals[number / 2],
        );
        let (instances, rival) = (&instances, rival.at(number));
        async move {
            if number % 2 == 0 {
                let payer_here = payer.user.at(number);
                return payer_here.pay(&payer.reservation, "payment").await;
            }
            eventually("the seat is to be had", SOON, async || {
                let taken = rival.hold(instances.instance(number), &[seat]).await?;
                Ok((taken.status != 409).then_some(taken))
            })
            .await
        }
    });
    let answers = all_read_first(&instances, requests.collect()).await?;
    let records = instances.records().await?;
    instances.ensure_sound(&records).await?;
    for (at, answers) in answers.chunks(2).enumerate() {
        let [paid, taken] = answers else {
            panic!("two requests each");
        };
        assert_eq!(
            (paid.status, taken.status),
            (200, 201),
            "{paid:?} {taken:?}"
        );
        records.assert_consistent_with(
            &payers[at].user.name,
            Some(&payers[at].reservation),
            paid,
        )?;
        records.assert_consistent_with(&rivals[at].name, None, taken)?;
    }

    // Payments that come too late are refused, and in the end no expired hold is left.
    let payments = late.iter().enumerate().map(|(number, late)| async move {
        late.user.at(number).pay(&late.reservation, "payment").await
    });
    let refused = in_step(payments).await?;
    let records = eventually("everything is swept", SOON, async || {
        let records = instances.records().await?;
        Ok((records.count("expired") == 2 * EACH).then_some(records))
    })
    .await?;
    instances.ensure_sound(&records).await?;
    for (late, refused) in late.iter().zip(&refused) {
        assert_eq!(refused.status, 410, "{refused:?}");
        records.assert_consistent_with(&late.user.name, Some(&late.reservation), refused)?;
        assert_eq!(records.balance(&late.user.name), PRICE);
    }
    assert_eq!(records.count("confirmed"), EACH);
    Ok(())
}
