//! How rates, ratios and processor time are measured.

mod cpu;
mod idle;
mod pairs;

pub(crate) use self::{
    cpu::{BARE, CpuTime, Meter},
    idle::Processors,
    pairs::{Compared, Plan, Seen, Side, compare},
};
