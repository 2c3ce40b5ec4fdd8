//! What came of an edit, as its operator is told.

use frontrow_domain::{model::SeatLabel, ports::EditOutcome};

use crate::http::{problem::Problem, problem_kinds::ProblemKind};

/// Nothing, when it is done.
pub(super) fn done(outcome: EditOutcome) -> Result<(), Problem> {
    match outcome {
        EditOutcome::Done => Ok(()),
        EditOutcome::NotFound => Err(Problem::not_found()),
        EditOutcome::SeatsInUse(seats) => Err(seats_in_use(&seats)),
    }
}

fn seats_in_use(seats: &[SeatLabel]) -> Problem {
    let detail = match seats {
        [seat] => format!("Seat {seat} is held or sold."),
        _ => format!("{} seats are held or sold.", seats.len()),
    };
    let labels: Vec<_> = seats.iter().map(SeatLabel::as_str).collect();
    Problem::new(ProblemKind::SEATS_IN_USE, detail).with("seats", labels)
}
