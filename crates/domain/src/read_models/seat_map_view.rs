use sha2::{Digest, Sha256};

use crate::{model::SeatState, ports::SeatMap};

/// The seats of a performance, and a tag that changes when any of them does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatMapView {
    /// The seats.
    pub map: SeatMap,
    /// 32 hexadecimal digits, equal for equal seats.
    pub tag: String,
}

impl SeatMapView {
    /// Creates the view of these seats.
    pub(crate) fn new(map: SeatMap) -> Self {
        let mut hash = Sha256::new();
        for seat in &map.seats {
            hash.update(seat.label.as_str());
            hash.update([0, seat_state_digit(seat.state)]);
            hash.update(seat.price.minor_units().to_be_bytes());
            hash.update(&seat.section);
            hash.update([0]);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let half = u128::from_be_bytes(digest.first_chunk().copied().unwrap_or_default());
        let tag = format!("{half:032x}");
        Self { map, tag }
    }
}

fn seat_state_digit(state: SeatState) -> u8 {
    match state {
        SeatState::Available => 0,
        SeatState::Held => 1,
        SeatState::Sold => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Seat, test_support::*};

    fn tag(section: &str, price: i64, state: SeatState) -> String {
        let seat = Seat {
            label: "A-1".parse().unwrap(),
            section: section.into(),
            price: amount(price),
            state,
        };
        let map = SeatMap {
            concert: CONCERT,
            seats: vec![seat],
        };
        SeatMapView::new(map).tag
    }

    #[test]
    fn the_tag_changes_with_the_seats() {
        let first = tag("Stalls", 100, SeatState::Held);
        assert_eq!(first, tag("Stalls", 100, SeatState::Held));
        assert_ne!(first, tag("Stalls", 100, SeatState::Sold));
        assert_ne!(first, tag("Stalls", 101, SeatState::Held));
        assert_ne!(first, tag("Ring", 100, SeatState::Held));
    }
}
