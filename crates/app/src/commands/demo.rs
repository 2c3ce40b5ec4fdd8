//! The demo on-sale: a few concerts to try, from a small to a large venue.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use frontrow_domain::{
    model::{
        Amount, ConcertTitle, Row, SeatPlan, Section, Venue, later,
        queue::{Capacity, QueuePolicy, Throughput},
    },
    ports::{Clock, CreateConcertOutcome, CreatePerformanceOutcome},
    use_cases::{CreatedConcert, CreatedPerformance, EditConcerts, PlannedPerformance},
};
use jiff::Timestamp;

use crate::system::SystemClock;

struct DemoConcert {
    title: &'static str,
    venue: &'static str,
    /// The days from today on which its performances start.
    days: &'static [u32],
    sections: &'static [DemoSection],
    /// Users per window, and seconds of a window.
    throughput: Option<(u32, u64)>,
    max_active: Option<u32>,
}

struct DemoSection {
    name: &'static str,
    price: i64,
    /// The names of its rows.
    rows: &'static str,
    /// The number of seats in each row.
    seats: u16,
}

/// The operator in the audit table.
const OPERATOR: &str = "demo";
const DAY: Duration = Duration::from_hours(24);
/// 19:30 in Seoul, as a time after midnight UTC.
const TIME_OF_DAY: Duration = Duration::from_mins(10 * 60 + 30);

const CONCERTS: [DemoConcert; 3] = [
    // Five users every ten seconds: a few users at the same time already form a line.
    DemoConcert {
        title: "Night Ferry, unplugged",
        venue: "The Boiler Room, 50 seats",
        days: &[7, 8],
        sections: &[
            DemoSection {
                name: "Tables",
                price: 60_000,
                rows: "A B",
                seats: 10,
            },
            DemoSection {
                name: "Bar",
                price: 45_000,
                rows: "C D",
                seats: 15,
            },
        ],
        throughput: Some((5, 10)),
        max_active: None,
    },
    DemoConcert {
        title: "The Paper Lanterns",
        venue: "Old Mill Theatre, 400 seats",
        days: &[14, 15, 16],
        sections: &[
            DemoSection {
                name: "Stalls",
                price: 88_000,
                rows: "A B C D E F G H",
                seats: 30,
            },
            DemoSection {
                name: "Balcony",
                price: 66_000,
                rows: "J K L M",
                seats: 40,
            },
        ],
        throughput: None,
        max_active: Some(100),
    },
    DemoConcert {
        title: "Northern Symphony: a life in four movements",
        venue: "Harbour Hall, 2000 seats",
        days: &[30, 31],
        sections: &[
            DemoSection {
                name: "Parterre",
                price: 154_000,
                rows: "A B C D E F G H J K L M N P Q R S T U V",
                seats: 60,
            },
            DemoSection {
                name: "First circle",
                price: 121_000,
                rows: "CA CB CC CD CE CF CG CH CJ CK",
                seats: 50,
            },
            DemoSection {
                name: "Gallery",
                price: 77_000,
                rows: "GA GB GC GD GE GF",
                seats: 50,
            },
        ],
        throughput: Some((500, 3)),
        max_active: Some(2_000),
    },
];

/// Adds the demo on-sale. Returns the number of concerts.
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
        ..edit.usual_policy()
    };
    let created = edit.create_concert(&title, policy, OPERATOR, None).await?;
    let id = match created {
        CreatedConcert::Asked(CreateConcertOutcome::Created(created)) => created.effect,
        refused => bail!("it was not created: {refused:?}"),
    };
    let today = SystemClock.now().as_second() / 86_400 * 86_400;
    let today_at_start =
        Timestamp::from_second(today).map(|midnight| later(midnight, TIME_OF_DAY))?;
    for &days in concert.days {
        let starts_at = later(today_at_start, DAY * days);
        let venue = Venue::try_from(concert.venue)?;
        let seats = SeatPlan::new(&sections(concert)?)
            .map_err(|faults| anyhow!("its seat plan is not valid: {faults:?}"))?;
        let planned = PlannedPerformance {
            concert: id,
            starts_at,
            venue,
            seats,
            allow_past: false,
        };
        let created = edit.create_performance(planned, OPERATOR, None).await?;
        if !matches!(
            created,
            CreatedPerformance::Asked(CreatePerformanceOutcome::Created(_))
        ) {
            bail!("a performance was not created: {created:?}");
        }
    }
    Ok(())
}

fn sections(concert: &DemoConcert) -> anyhow::Result<Vec<Section>> {
    let section = |section: &DemoSection| {
        Ok(Section {
            name: section.name.to_owned(),
            price: Amount::try_from(section.price)?,
            rows: section
                .rows
                .split(' ')
                .map(|name| Row {
                    name: name.to_owned(),
                    seats: section.seats,
                })
                .collect(),
        })
    };
    concert.sections.iter().map(section).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_venue_has_the_number_of_seats_in_its_name() {
        for (concert, seats) in CONCERTS.iter().zip([50, 400, 2_000]) {
            let plan = SeatPlan::new(&sections(concert).unwrap()).unwrap();
            assert_eq!(plan.seats().len(), seats, "{}", concert.title);
        }
    }
}
