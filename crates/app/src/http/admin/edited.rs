//! What came of an edit, as its operator is told.

use frontrow_domain::{
    model::{PerformanceId, SeatLabel},
    ports::EditOutcome,
};

use crate::http::{problem::Problem, problem_kinds::ProblemKind};

/// Nothing, when it is done.
pub(super) fn done(outcome: EditOutcome) -> Result<(), Problem> {
    match outcome {
        EditOutcome::Done => Ok(()),
        EditOutcome::NotFound => Err(Problem::not_found()),
        EditOutcome::SeatsInUse(seats) => Err(seats_in_use(&seats)),
        EditOutcome::SlotTaken(there) => Err(slot_taken(there)),
    }
}

/// Another performance starts there and then.
pub(super) fn slot_taken(there: PerformanceId) -> Problem {
    Problem::new(
        ProblemKind::PERFORMANCE_EXISTS,
        format!("Performance {there} of this concert starts at that instant in that venue."),
    )
    .with("performance_id", there.to_string())
}

/// What the request created before was deleted since.
pub(super) fn deleted_since() -> Problem {
    Problem::new(
        ProblemKind::DELETED_SINCE,
        "It was created, and an operator has deleted it since.",
    )
}

fn seats_in_use(seats: &[SeatLabel]) -> Problem {
    let detail = match seats {
        [seat] => format!("Seat {seat} is held or sold."),
        _ => format!("{} seats are held or sold.", seats.len()),
    };
    let labels: Vec<_> = seats.iter().map(SeatLabel::as_str).collect();
    Problem::new(ProblemKind::SEATS_IN_USE, detail).with("seats", labels)
}
