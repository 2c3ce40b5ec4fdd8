//! How things are measured.

mod cpu;
mod pairs;

pub(crate) use self::{
    cpu::{BARE, CpuTime, Meter},
    pairs::{Compared, Plan, Seen, Side, compare},
};
