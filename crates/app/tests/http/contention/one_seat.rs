//! Many users want one seat.

use anyhow::{Result, ensure};

use super::{
    crowd::{all_read_first, in_step},
    sale_instances::SaleInstances,
};
use crate::test_app::PRICE;

const USERS: usize = 500;
const SEAT: &str = "R1-1";

#[tokio::test(flavor = "multi_thread")]
async fn without_a_guard_one_seat_is_sold_to_two_users() -> Result<()> {
    let instances = SaleInstances::open(2).await?;
    instances.user_with_points(0, "ann").await?;
    instances.user_with_points(1, "ben").await?;
    let (mut first, mut second) = (instances.unguarded(1).await?, instances.unguarded(2).await?);
    ensure!(first.sees_free(SEAT).await? && second.sees_free(SEAT).await?);
    first.takes("ann", SEAT).await?;
    second.takes("ben", SEAT).await?;
    let found = instances.records().await?.contradictions();
    let both = "R1-1 is reserved for ann and ben".to_owned();
    assert!(found.contains(&both), "{found:?}");

    for (program, name) in [(&mut first, "ann"), (&mut second, "ben")] {
        let (hold, points) = (program.sees(name).await?, program.sees_points(name).await?);
        ensure!(hold.hold == "alive");
        program.pays(&hold, points).await?;
    }
    let records = instances.records().await?;
    assert!(records.contradictions().contains(&both), "still");
    assert_eq!(records.count("confirmed"), 2, "both paid for it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_five_hundred_users_who_want_one_seat_one_gets_it() -> Result<()> {
    let instances = SaleInstances::open(2).await?;
    let users = instances.users_with_points("fan", USERS).await?;
    let asks = users.iter().enumerate();
    let asks = asks.map(|(number, user)| user.at(number).hold(instances.instance(number), &[SEAT]));
    let answers = all_read_first(&instances, asks.collect()).await?;

    let records = instances.records().await?;
    instances.ensure_sound(&records).await?;
    for (user, answer) in users.iter().zip(&answers) {
        records.assert_consistent_with(&user.name, None, answer)?;
    }
    let winners: Vec<_> = (0..USERS).filter(|&at| answers[at].status == 201).collect();
    let [winner] = winners[..] else {
        panic!("one gets it: {winners:?}");
    };
    assert_eq!(records.reservations.len(), 1, "no other user got one");

    // All users try to pay for it.
    let id = answers[winner].text_at("/id")?;
    let payments = users.iter().enumerate();
    let payments = payments.map(|(number, user)| user.at(number + 1).pay(id, "payment"));
    let payments = in_step(payments).await?;
    let records = instances.records().await?;
    instances.ensure_sound(&records).await?;
    for (number, (user, payment)) in users.iter().zip(&payments).enumerate() {
        if number == winner {
            records.assert_consistent_with(&user.name, Some(id), payment)?;
        } else {
            assert_eq!(payment.status, 404, "{payment:?}");
            assert_eq!(records.balance(&user.name), PRICE, "{}", user.name);
        }
    }
    assert_eq!(records.count("confirmed"), 1);
    Ok(())
}
