//! Seats, their labels and states, and the selection that one request may name.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Amount, Invalid};

/// The name of a seat within its performance, such as `A-12`.
///
/// 1 to 16 ASCII letters, digits, `-` and `.`. Other characters are not allowed, because labels
/// that look alike but differ in their Unicode characters would be two seats for one chair.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SeatLabel(String);

impl SeatLabel {
    /// The longest label, in characters.
    pub const MAX_LEN: usize = 16;

    /// The label as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SeatLabel {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if text.is_empty() || text.len() > Self::MAX_LEN || !text.bytes().all(allowed) {
            return Err(Invalid::new(
                "a seat label is 1 to 16 ASCII letters, digits, '-' and '.', such as A-12",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for SeatLabel {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<SeatLabel> for String {
    fn from(label: SeatLabel) -> Self {
        label.0
    }
}

impl fmt::Display for SeatLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a seat is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatState {
    /// No user holds it or has bought it.
    Available,
    /// Held for a user until a deadline.
    Held,
    /// Paid for.
    Sold,
}

impl SeatState {
    /// The state at `now` of a seat, from whether a reservation has it and the deadline of its
    /// hold.
    ///
    /// A reserved seat without a deadline is sold. A seat whose hold has expired at `now` is
    /// available, whether or not a sweep has freed it.
    #[must_use]
    pub fn at(now: Timestamp, reserved: bool, held_until: Option<Timestamp>) -> Self {
        match held_until {
            _ if !reserved => Self::Available,
            None => Self::Sold,
            Some(until) if until <= now => Self::Available,
            Some(_) => Self::Held,
        }
    }
}

/// A seat as shown on a seat map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Its label.
    pub label: SeatLabel,
    /// The part of the hall that it is in.
    pub section: String,
    /// Its price.
    pub price: Amount,
    /// Whether it is available.
    pub state: SeatState,
}

/// A seat with the price at which it was reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedSeat {
    /// Its label.
    pub label: SeatLabel,
    /// Its price.
    pub price: Amount,
}

/// The seats of one hold request: 1 to [`SeatSelection::MAX`] different ones, in sorted order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatSelection(Vec<SeatLabel>);

impl SeatSelection {
    /// The most seats that one request may name, and so the most of one reservation.
    ///
    /// The seat limit of a user is [`SEATS_PER_USER_MAX`](super::SEATS_PER_USER_MAX), at least as
    /// large. The number is written out where a constant cannot be named: the `CHECK` of
    /// `reservations.seat_count` in the migrations, the statements of the MySQL adapter that take
    /// the seats of one reservation, and the schema of the request in the HTTP layer.
    pub const MAX: usize = 4;

    /// The labels, sorted, so that two requests that overlap take their seats in the same order.
    #[must_use]
    pub fn labels(&self) -> &[SeatLabel] {
        &self.0
    }
}

impl TryFrom<Vec<SeatLabel>> for SeatSelection {
    type Error = Invalid;

    fn try_from(mut labels: Vec<SeatLabel>) -> Result<Self, Invalid> {
        if labels.is_empty() || labels.len() > Self::MAX {
            return Err(Invalid::new(format!("name 1 to {} seats", Self::MAX)));
        }
        labels.sort_unstable();
        if labels.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(Invalid::new("a seat is named twice"));
        }
        Ok(Self(labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(names: &[&str]) -> Vec<SeatLabel> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn a_selection_has_one_to_four_different_seats() {
        assert!(SeatSelection::try_from(labels(&["A-1"])).is_ok());
        assert!(SeatSelection::try_from(labels(&["A-1", "A-2", "A-3", "A-4"])).is_ok());
        assert!(SeatSelection::try_from(labels(&[])).is_err());
        assert!(SeatSelection::try_from(labels(&["A-1", "A-2", "A-3", "A-4", "A-5"])).is_err());
        assert!(SeatSelection::try_from(labels(&["A-1", "A-2", "A-1"])).is_err());
    }

    #[test]
    fn a_seat_is_available_from_the_deadline_of_its_hold_on() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (reserved, held_until, state) in [
            (false, None, SeatState::Available),
            (false, Some(at(11)), SeatState::Available),
            (true, None, SeatState::Sold),
            (true, Some(at(9)), SeatState::Available),
            (true, Some(at(10)), SeatState::Available),
            (true, Some(at(11)), SeatState::Held),
        ] {
            assert_eq!(SeatState::at(at(10), reserved, held_until), state);
        }
    }

    #[test]
    fn a_label_is_plain_ascii() {
        for bad in ["", "A 1", "Ａ-1", "A-1\u{200b}", "A_1", "aaaaaaaaaaaaaaaaa"] {
            assert!(bad.parse::<SeatLabel>().is_err(), "{bad:?}");
        }
    }
}
