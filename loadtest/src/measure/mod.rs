//! Measures rates, ratios and processor time.

mod cpu;
mod idle;
mod pairs;

pub(crate) use self::{
    cpu::{BARE, CpuTime, Meter},
    idle::Processors,
    pairs::{Comparison, Plan, Side, SideResult, compare},
};
