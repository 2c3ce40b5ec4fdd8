//! A sale of 200 seats to 300 users: the parts that several tests share.

use std::collections::{BTreeSet, HashSet};

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::Reply;
use serde_json::Value;

use crate::{stores::Totals, test_app::PRICE};

pub(crate) const USERS: usize = 300;
pub(crate) const ROWS: u16 = 10;
pub(crate) const SEATS_A_ROW: u16 = 20;
pub(crate) const SEATS: usize = 200;
/// The amount that each user charges: the price of one seat and a little more.
pub(crate) const CHARGE: i64 = PRICE + 7;

/// One of the seats that the seat map shows as available and that were not refused before.
/// Different numbers pick different seats.
pub(crate) fn pick_seat(
    map: &Reply,
    refused: &HashSet<String>,
    number: usize,
) -> Result<Option<String>> {
    let seats = map.at("/items")?.as_array().context("seats are a list")?;
    ensure!(seats.len() == SEATS);
    let free: Vec<&str> = seats
        .iter()
        .filter(|seat| seat["state"] == "available")
        .filter_map(|seat| seat["label"].as_str())
        .filter(|label| !refused.contains(*label))
        .collect();
    let wanted = free.get(number * 31 % free.len().max(1));
    Ok(wanted.map(|&label| label.to_owned()))
}

/// Checks that all seats were paid for, each by a different user, and that the other users got
/// none.
pub(crate) fn assert_every_seat_has_its_own_buyer<'a>(
    seats: impl Iterator<Item = Option<&'a String>>,
    sales: &[Value],
) {
    let all: Vec<_> = seats.collect();
    let paid: Vec<_> = all.iter().flatten().collect();
    let different: BTreeSet<_> = paid.iter().collect();
    assert_eq!((paid.len(), different.len()), (SEATS, SEATS));
    assert_eq!(all.len(), USERS, "the others were refused");
    let confirmed: Vec<_> = sales
        .iter()
        .filter(|sale| sale["state"] == "confirmed")
        .collect();
    let buyers: BTreeSet<_> = confirmed
        .iter()
        .map(|sale| sale["user_id"].to_string())
        .collect();
    assert_eq!((confirmed.len(), buyers.len()), (SEATS, SEATS));
}

/// The totals after `sales` sales.
pub(crate) fn totals_of(sales: usize) -> Result<Totals> {
    let sold = i64::try_from(sales * SEATS)?;
    Ok(Totals {
        wrong_balances: 0,
        payments: sold,
        paid: sold * PRICE,
        seats_sold: sold,
    })
}
