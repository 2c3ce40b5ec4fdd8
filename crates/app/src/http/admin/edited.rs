//! Converts outcomes of edits to problems.

use frontrow_domain::{
    model::{PerformanceId, SeatLabel},
    ports::EditOutcome,
};

use crate::http::{problem::Problem, problem_kinds::ProblemKind};

/// Errors if the edit was refused.
pub(super) fn done(outcome: EditOutcome) -> Result<(), Problem> {
    match outcome {
        EditOutcome::Done => Ok(()),
        EditOutcome::NotFound => Err(Problem::not_found()),
        EditOutcome::SeatsInUse(seats) => Err(seats_in_use(&seats)),
        EditOutcome::SlotTaken(there) => Err(slot_taken(there)),
    }
}

/// Reports that another performance of the concert has the same start and venue.
pub(super) fn slot_taken(there: PerformanceId) -> Problem {
    Problem::new(
        ProblemKind::PERFORMANCE_EXISTS,
        format!("Performance {there} of this concert has the same start and venue."),
    )
    .with("performance_id", there.to_string())
}

/// Reports that the concert or performance of an earlier request with the same key was deleted.
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
