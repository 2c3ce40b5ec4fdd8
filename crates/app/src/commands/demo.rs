//! The demo on-sale: something to try, from a small club to a large hall.

use std::time::Duration;

use anyhow::{Context, bail};
use frontrow_domain::{
    model::{
        Amount, ConcertTitle, Row, SeatPlan, Section, Venue, later,
        queue::{Capacity, QueuePolicy, Throughput},
    },
    ports::Clock,
    use_cases::{CreatedConcert, EditConcerts},
};
use jiff::Timestamp;

use crate::system::SystemClock;

struct DemoConcert {
    title: &'static str,
    venue: &'static str,
    /// In how many days its performances start.
    days: &'static [u32],
    /// Name, price, and rows of so many seats.
    sections: &'static [(&'static str, i64, &'static [(&'static str, u16)])],
    throughput: Option<(u32, u64)>,
    max_active: Option<u32>,
}

/// Who made it, in the audit table.
const OPERATOR: &str = "demo";
const DAY: Duration = Duration::from_hours(24);
/// 19:30 in Seoul.
const EVENING: Duration = Duration::from_mins(10 * 60 + 30);

const CONCERTS: [DemoConcert; 3] = [
    // Five people every ten seconds: two who try it side by side see a line.
    DemoConcert {
        title: "Night Ferry, unplugged",
        venue: "The Boiler Room, 50 seats",
        days: &[7, 8],
        sections: &[
            ("Tables", 60_000, &[("A", 10), ("B", 10)]),
            ("Bar", 45_000, &[("C", 15), ("D", 15)]),
        ],
        throughput: Some((5, 10)),
        max_active: None,
    },
    DemoConcert {
        title: "The Paper Lanterns",
        venue: "Old Mill Theatre, 400 seats",
        days: &[14, 15, 16],
        sections: &[
            (
                "Stalls",
                88_000,
                &[
                    ("A", 30),
                    ("B", 30),
                    ("C", 30),
                    ("D", 30),
                    ("E", 30),
                    ("F", 30),
                    ("G", 30),
                    ("H", 30),
                ],
            ),
            (
                "Balcony",
                66_000,
                &[("J", 40), ("K", 40), ("L", 40), ("M", 40)],
            ),
        ],
        throughput: None,
        max_active: Some(100),
    },
    DemoConcert {
        title: "Northern Symphony: a life in four movements",
        venue: "Harbour Hall, 2000 seats",
        days: &[30, 31],
        sections: &[
            (
                "Parterre",
                154_000,
                &[
                    ("A", 60),
                    ("B", 60),
                    ("C", 60),
                    ("D", 60),
                    ("E", 60),
                    ("F", 60),
                    ("G", 60),
                    ("H", 60),
                    ("J", 60),
                    ("K", 60),
                    ("L", 60),
                    ("M", 60),
                    ("N", 60),
                    ("P", 60),
                    ("Q", 60),
                    ("R", 60),
                    ("S", 60),
                    ("T", 60),
                    ("U", 60),
                    ("V", 60),
                ],
            ),
            (
                "First circle",
                121_000,
                &[
                    ("CA", 50),
                    ("CB", 50),
                    ("CC", 50),
                    ("CD", 50),
                    ("CE", 50),
                    ("CF", 50),
                    ("CG", 50),
                    ("CH", 50),
                    ("CJ", 50),
                    ("CK", 50),
                ],
            ),
            (
                "Gallery",
                77_000,
                &[
                    ("GA", 50),
                    ("GB", 50),
                    ("GC", 50),
                    ("GD", 50),
                    ("GE", 50),
                    ("GF", 50),
                ],
            ),
        ],
        throughput: Some((500, 3)),
        max_active: Some(2_000),
    },
];

/// Adds the demo on-sale; gives how many concerts that are.
pub(crate) async fn load(edit: &EditConcerts) -> anyhow::Result<usize> {
    for concert in &CONCERTS {
        load_one(edit, concert)
            .await
            .with_context(|| format!("cannot add {:?}", concert.title))?;
    }
    Ok(CONCERTS.len())
}

async fn load_one(edit: &EditConcerts, concert: &DemoConcert) -> anyhow::Result<()> {
    let title = ConcertTitle::try_from(concert.title)?;
    let policy = QueuePolicy {
        throughput: concert.throughput.map(|(admit, seconds)| Throughput {
            admit,
            interval: Duration::from_secs(seconds),
        }),
        capacity: concert.max_active.map(|max_active| Capacity { max_active }),
        ..QueuePolicy::default()
    };
    let created = edit.create_concert(&title, policy, OPERATOR).await?;
    let id = match created {
        CreatedConcert::Created(id) => id,
        CreatedConcert::InvalidPolicy(faults) => bail!("its policy is wrong: {faults:?}"),
    };
    let today = SystemClock.now().as_second() / 86_400 * 86_400;
    let evening = Timestamp::from_second(today).map(|midnight| later(midnight, EVENING))?;
    for &days in concert.days {
        let starts_at = later(evening, DAY * days);
        let venue = Venue::try_from(concert.venue)?;
        let seats = SeatPlan::new(&sections(concert)?)?;
        edit.create_performance(id, starts_at, venue, seats, OPERATOR)
            .await?
            .context("the concert is gone")?;
    }
    Ok(())
}

fn sections(concert: &DemoConcert) -> anyhow::Result<Vec<Section>> {
    concert
        .sections
        .iter()
        .map(|&(name, price, rows)| {
            let row = |&(name, seats): &(&str, u16)| Row {
                name: name.to_owned(),
                seats,
            };
            Ok(Section {
                name: name.to_owned(),
                price: Amount::try_from(price)?,
                rows: rows.iter().map(row).collect(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_halls_are_as_large_as_their_names_say() {
        for (concert, seats) in CONCERTS.iter().zip([50, 400, 2_000]) {
            let plan = SeatPlan::new(&sections(concert).unwrap()).unwrap();
            assert_eq!(plan.seats().len(), seats, "{}", concert.title);
        }
    }
}
