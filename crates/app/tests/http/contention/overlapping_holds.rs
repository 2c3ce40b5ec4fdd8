//! Users who want some of the same seats.

use anyhow::{Result, ensure};
use frontrow_test_harness::Reply;

use super::{
    crowd::all_read_first,
    refused_by,
    sale_instances::{SaleInstances, SaleUser},
};
use crate::{random::Random, test_app::PRICE};

const USERS: usize = 2_000;
const SEATS: u16 = 50;

#[tokio::test(flavor = "multi_thread")]
async fn two_holds_that_take_seat_by_seat_get_a_part_each() -> Result<()> {
    let instances = SaleInstances::open(2).await?;
    let (mut first, mut second) = (instances.unguarded(1).await?, instances.unguarded(2).await?);
    let ann = first.reserves("ann", &["R1-1", "R1-2"]).await?;
    let ben = second.reserves("ben", &["R1-1", "R1-2"]).await?;
    // Each statement requires that the seat is free. That alone is not enough.
    ensure!(first.grabs(&ann, "ann", 1, "R1-1").await?);
    ensure!(second.grabs(&ben, "ben", 2, "R1-2").await?);
    ensure!(!first.grabs(&ann, "ann", 2, "R1-2").await?);
    ensure!(!second.grabs(&ben, "ben", 1, "R1-1").await?);
    let found = instances.records().await?.contradictions();
    for part in [
        "ann held [\"R1-1\", \"R1-2\"] and has [\"R1-1\"]",
        "ben held [\"R1-1\", \"R1-2\"] and has [\"R1-2\"]",
    ] {
        assert!(found.contains(&part.to_owned()), "{found:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_holds_that_take_seats_in_any_order_within_a_transaction_deadlock() -> Result<()> {
    let instances = SaleInstances::open(2).await?;
    let (mut first, mut second) = (instances.unguarded(1).await?, instances.unguarded(2).await?);
    first.run("BEGIN").await?;
    second.run("BEGIN").await?;
    let ann = first.reserves("ann", &["R1-1", "R1-2"]).await?;
    let ben = second.reserves("ben", &["R1-1", "R1-2"]).await?;
    ensure!(first.grabs(&ann, "ann", 1, "R1-1").await?);
    ensure!(second.grabs(&ben, "ben", 2, "R1-2").await?);
    let (first, second) = tokio::join!(
        first.grabs(&ann, "ann", 2, "R1-2"),
        second.grabs(&ben, "ben", 1, "R1-1"),
    );
    let (lost, went_on) = if first.is_err() {
        (first, second)
    } else {
        (second, first)
    };
    refused_by(lost.map(drop), "Deadlock found")?;
    assert!(went_on?, "it got what the other one had to let go");
    Ok(())
}

/// The answers to one user.
struct UserResult {
    /// The number of seats that the user wanted.
    wanted: usize,
    held: Reply,
    /// The answer when the user paid or released the seats.
    ended: Option<Reply>,
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_overlapping_holds_get_all_their_seats_or_none() -> Result<()> {
    let instances = SaleInstances::open(SEATS).await?;
    let users = instances.users_with_places("fan", USERS).await?;
    let mut random = Random::seeded();
    let results = users.iter().enumerate().map(|(number, user)| {
        let seats = some_seats(&mut random);
        hold_and_end(&instances, user, number, seats)
    });
    let results = all_read_first(&instances, results.collect()).await?;

    let records = instances.records().await?;
    instances.ensure_sound(&records).await?;
    let mut held = 0;
    for (user, result) in users.iter().zip(&results) {
        match &result.ended {
            None => records.assert_consistent_with(&user.name, None, &result.held)?,
            Some(ended) => {
                held += 1;
                let id = result.held.text_at("/id")?;
                records.assert_consistent_with(&user.name, Some(id), ended)?;
                let got = records.reservation(id)?.seats().len();
                assert_eq!(got, result.wanted, "all or none");
            }
        }
    }
    assert_eq!(records.reservations.len(), held, "no other user got one");
    let (confirmed, cancelled) = (records.count("confirmed"), records.count("cancelled"));
    println!("{held} holds, {confirmed} paid, {cancelled} given back");
    assert_eq!(confirmed + cancelled, held);
    assert!(confirmed > 0 && cancelled > 0);
    Ok(())
}

/// One to four seats in a row, from left to right or from right to left.
fn some_seats(random: &mut Random) -> Vec<String> {
    let count = random.between(1, 4);
    let first = random.between(1, u64::from(SEATS) + 1 - count);
    let mut seats: Vec<_> = (first..first + count)
        .map(|seat| format!("R1-{seat}"))
        .collect();
    if random.between(0, 1) == 1 {
        seats.reverse();
    }
    seats
}

/// Requests seats. A user who gets them releases them, so that others can have them. One in four
/// pays instead.
async fn hold_and_end(
    instances: &SaleInstances,
    user: &SaleUser,
    number: usize,
    seats: Vec<String>,
) -> Result<UserResult> {
    let labels: Vec<_> = seats.iter().map(String::as_str).collect();
    let held = user
        .at(number)
        .hold(instances.instance(number), &labels)
        .await?;
    if held.status != 201 {
        return Ok(UserResult {
            wanted: seats.len(),
            held,
            ended: None,
        });
    }
    let id = held.text_at("/id")?;
    let elsewhere = user.at(number + 1);
    let ended = if number.is_multiple_of(4) {
        let total = PRICE * i64::try_from(seats.len())?;
        elsewhere
            .charge(total, "charge")
            .await?
            .expect_status(201)?;
        elsewhere.pay(id, "payment").await?.expect_status(200)?
    } else {
        elsewhere.release(id).await?.expect_status(204)?
    };
    Ok(UserResult {
        wanted: seats.len(),
        ended: Some(ended),
        held,
    })
}
