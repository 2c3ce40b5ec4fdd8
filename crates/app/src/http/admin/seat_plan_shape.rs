//! The shape of a seat plan.

use frontrow_domain::model::{Amount, Row, SeatPlan, Section};
use serde::Deserialize;
use utoipa::ToSchema;

use super::fields::{Checked, Faults};
use crate::http::json::Object;

/// A section of the hall, with one price.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SectionBody {
    /// 1 to 40 characters.
    name: String,
    /// In whole minor units.
    #[schema(value_type = i64)]
    price: Checked<Amount>,
    #[schema(value_type = Vec<RowBody>)]
    rows: Vec<Object<RowBody>>,
}

/// A row of seats. Seat 7 of row `A` has the label `A-7`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowBody {
    name: String,
    /// The number of seats. They are numbered from 1.
    #[schema(value_type = u16)]
    seats: Checked<u16>,
}

/// Builds the plan of these sections. Records faults, and returns None if there are any.
pub(super) fn read_plan(
    sections: Vec<Object<SectionBody>>,
    faults: &mut Faults,
) -> Option<SeatPlan> {
    let numbered = sections.into_iter().enumerate();
    let sections: Vec<_> = numbered
        .map(|(at, Object(body))| section(&format!("sections[{at}]"), body, faults))
        .collect();
    let plan = SeatPlan::new(&sections).map_err(|wrong| {
        for (field, why) in wrong {
            faults.add(&field, &why);
        }
    });
    // The fault of a value that could not be read is recorded above. The plan has a valid stand-in.
    plan.ok().filter(|_| faults.is_empty())
}

/// Replaces a value that could not be read by a valid one, so that its fault is reported once.
fn section(place: &str, body: SectionBody, faults: &mut Faults) -> Section {
    let price = faults.check(&format!("{place}.price"), body.price.value());
    let numbered = body.rows.into_iter().enumerate();
    let rows = numbered.map(|(at, Object(row))| {
        let seats = faults.check(&format!("{place}.rows[{at}].seats"), row.seats.value());
        Row {
            name: row.name,
            seats: seats.unwrap_or(1),
        }
    });
    Section {
        rows: rows.collect(),
        name: body.name,
        price: price.unwrap_or(Amount::ZERO),
    }
}
