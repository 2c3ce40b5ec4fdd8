//! The concerts: what users browse and operators edit.

mod browse;
mod delete_concerts;
mod edit_concerts;

pub use browse::Browse;
pub use delete_concerts::{DeleteConcerts, DeletedConcert};
pub use edit_concerts::{
    CreatedConcert, CreatedPerformance, EditConcerts, EditedPerformance, PlannedPerformance,
};
