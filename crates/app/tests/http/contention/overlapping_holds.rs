//! Users who want some of the same seats.

use anyhow::{Result, ensure};
use frontrow_test_harness::Reply;

use super::{
    box_office::{BoxOffice, Customer},
    crowd::all_look_first,
    refused_by,
};
use crate::{random::Random, test_app::PRICE};

const USERS: usize = 2_000;
const SEATS: u16 = 50;

#[tokio::test(flavor = "multi_thread")]
async fn taken_seat_by_seat_two_holds_get_a_part_each() -> Result<()> {
    let office = BoxOffice::open(2).await?;
    let (mut anns, mut bens) = (office.careless(1).await?, office.careless(2).await?);
    let ann = anns.reserves("ann", &["R1-1", "R1-2"]).await?;
    let ben = bens.reserves("ben", &["R1-1", "R1-2"]).await?;
    // Each statement says that the seat must be free, and still:
    ensure!(anns.grabs(&ann, "ann", 1, "R1-1").await?);
    ensure!(bens.grabs(&ben, "ben", 2, "R1-2").await?);
    ensure!(!anns.grabs(&ann, "ann", 2, "R1-2").await?);
    ensure!(!bens.grabs(&ben, "ben", 1, "R1-1").await?);
    let found = office.records().await?.contradictions();
    for part in [
        "ann held [\"R1-1\", \"R1-2\"] and has [\"R1-1\"]",
        "ben held [\"R1-1\", \"R1-2\"] and has [\"R1-2\"]",
    ] {
        assert!(found.contains(&part.to_owned()), "{found:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn taken_in_any_order_within_a_transaction_two_holds_lock_each_other_out() -> Result<()> {
    let office = BoxOffice::open(2).await?;
    let (mut anns, mut bens) = (office.careless(1).await?, office.careless(2).await?);
    anns.run("BEGIN").await?;
    bens.run("BEGIN").await?;
    let ann = anns.reserves("ann", &["R1-1", "R1-2"]).await?;
    let ben = bens.reserves("ben", &["R1-1", "R1-2"]).await?;
    ensure!(anns.grabs(&ann, "ann", 1, "R1-1").await?);
    ensure!(bens.grabs(&ben, "ben", 2, "R1-2").await?);
    let (anns, bens) = tokio::join!(
        anns.grabs(&ann, "ann", 2, "R1-2"),
        bens.grabs(&ben, "ben", 1, "R1-1"),
    );
    let (lost, went_on) = if anns.is_err() {
        (anns, bens)
    } else {
        (bens, anns)
    };
    refused_by(lost.map(drop), "Deadlock found")?;
    assert!(went_on?, "it got what the other one had to let go");
    Ok(())
}

/// The results of one user.
struct Evening {
    /// The number of seats that the user wanted.
    wanted: usize,
    held: Reply,
    /// The answer when the user paid or released the seats.
    ended: Option<Reply>,
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_overlapping_holds_get_all_their_seats_or_none() -> Result<()> {
    let office = BoxOffice::open(SEATS).await?;
    let fans = office.visitors("fan", USERS).await?;
    let mut random = Random::seeded();
    let evenings = fans.iter().enumerate().map(|(number, fan)| {
        let seats = some_seats(&mut random);
        evening(&office, fan, number, seats)
    });
    let evenings = all_look_first(&office, evenings.collect()).await?;

    let records = office.records().await?;
    office.ensure_sound(&records).await?;
    let mut held = 0;
    for (fan, evening) in fans.iter().zip(&evenings) {
        match &evening.ended {
            None => records.assert_consistent_with(&fan.name, None, &evening.held)?,
            Some(ended) => {
                held += 1;
                let id = evening.held.text_at("/id")?;
                records.assert_consistent_with(&fan.name, Some(id), ended)?;
                let got = records.reservation(id)?.seats().len();
                assert_eq!(got, evening.wanted, "all or none");
            }
        }
    }
    assert_eq!(
        records.reservations.len(),
        held,
        "nobody else was told of one"
    );
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
async fn evening(
    office: &BoxOffice,
    fan: &Customer,
    number: usize,
    seats: Vec<String>,
) -> Result<Evening> {
    let labels: Vec<_> = seats.iter().map(String::as_str).collect();
    let held = fan.at(number).hold(office.desk(number), &labels).await?;
    if held.status != 201 {
        return Ok(Evening {
            wanted: seats.len(),
            held,
            ended: None,
        });
    }
    let id = held.text_at("/id")?;
    let elsewhere = fan.at(number + 1);
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
    Ok(Evening {
        wanted: seats.len(),
        ended: Some(ended),
        held,
    })
}
