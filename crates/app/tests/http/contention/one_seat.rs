//! Many users want one seat.

use anyhow::{Result, ensure};

use super::{
    box_office::BoxOffice,
    crowd::{all_look_first, in_step},
};
use crate::test_app::PRICE;

const USERS: usize = 500;
const SEAT: &str = "R1-1";

#[tokio::test(flavor = "multi_thread")]
async fn without_a_guard_one_seat_is_sold_to_two() -> Result<()> {
    let office = BoxOffice::open(2).await?;
    office.customer(0, "ann").await?;
    office.customer(1, "ben").await?;
    let (mut anns, mut bens) = (office.careless(1).await?, office.careless(2).await?);
    ensure!(anns.sees_free(SEAT).await? && bens.sees_free(SEAT).await?);
    anns.takes("ann", SEAT).await?;
    bens.takes("ben", SEAT).await?;
    let found = office.records().await?.contradictions();
    let both = "R1-1 is reserved for ann and ben".to_owned();
    assert!(found.contains(&both), "{found:?}");

    for (program, name) in [(&mut anns, "ann"), (&mut bens, "ben")] {
        let (hold, points) = (program.sees(name).await?, program.sees_points(name).await?);
        ensure!(hold.hold == "alive");
        program.pays(&hold, points).await?;
    }
    let records = office.records().await?;
    assert!(records.contradictions().contains(&both), "still");
    assert_eq!(records.count("confirmed"), 2, "both paid for it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_five_hundred_users_who_want_one_seat_one_gets_it() -> Result<()> {
    let office = BoxOffice::open(2).await?;
    let fans = office.customers("fan", USERS).await?;
    let asks = fans.iter().enumerate();
    let asks = asks.map(|(number, fan)| fan.at(number).hold(office.desk(number), &[SEAT]));
    let answers = all_look_first(&office, asks.collect()).await?;

    let records = office.records().await?;
    office.ensure_sound(&records).await?;
    for (fan, answer) in fans.iter().zip(&answers) {
        records.assert_consistent_with(&fan.name, None, answer)?;
    }
    let winners: Vec<_> = (0..USERS).filter(|&at| answers[at].status == 201).collect();
    let [winner] = winners[..] else {
        panic!("one gets it: {winners:?}");
    };
    assert_eq!(records.reservations.len(), 1, "nobody else was told of one");

    // All users try to pay for it.
    let id = answers[winner].text_at("/id")?;
    let payments = fans.iter().enumerate();
    let payments = payments.map(|(number, fan)| fan.at(number + 1).pay(id, "payment"));
    let payments = in_step(payments).await?;
    let records = office.records().await?;
    office.ensure_sound(&records).await?;
    for (number, (fan, payment)) in fans.iter().zip(&payments).enumerate() {
        if number == winner {
            records.assert_consistent_with(&fan.name, Some(id), payment)?;
        } else {
            assert_eq!(payment.status, 404, "{payment:?}");
            assert_eq!(records.balance(&fan.name), PRICE, "{}", fan.name);
        }
    }
    assert_eq!(records.count("confirmed"), 1);
    Ok(())
}
