//! The sale of a concert: whether there is anything left to buy, by the database's count.

use jiff::Timestamp;

/// What is left to buy of a concert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum SaleState {
    /// A performance is to come, and a seat of the performances to come is not sold.
    #[default]
    OnSale = 0,
    /// Every seat of the performances to come is sold.
    SoldOut = 1,
    /// The concert had performances, and the last has started.
    Ended = 2,
    /// The concert has no performance yet.
    Unplanned = 3,
}

/// The sale of a concert by the database's last count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaleCount {
    /// What was left to buy.
    pub sale: SaleState,
    /// When it was counted, by the database's clock. An older count changes nothing.
    pub counted_at: Timestamp,
}

impl SaleState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::OnSale, Self::SoldOut, Self::Ended, Self::Unplanned];

    /// The number that a store keeps for the state.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The state whose number is `number`. None if there is no such state.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.number() == number)
    }
}

impl Default for SaleCount {
    /// No count yet. Any count is newer.
    fn default() -> Self {
        Self {
            sale: SaleState::default(),
            counted_at: Timestamp::MIN,
        }
    }
}

impl SaleCount {
    /// Returns `count`. None if it is older than this one.
    #[must_use]
    pub fn newer(self, count: Self) -> Option<Self> {
        (count.counted_at >= self.counted_at).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_a_number_of_its_own() {
        for state in SaleState::ALL {
            assert_eq!(SaleState::from_number(state.number()), Some(state));
        }
        assert_eq!(SaleState::from_number(4), None);
    }

    #[test]
    fn an_older_count_changes_nothing() {
        let count = |sale, second| SaleCount {
            sale,
            counted_at: Timestamp::from_second(second).unwrap(),
        };
        let known = count(SaleState::SoldOut, 10);
        for (counted, newer) in [
            (count(SaleState::OnSale, 9), None),
            (
                count(SaleState::OnSale, 10),
                Some(count(SaleState::OnSale, 10)),
            ),
            (
                count(SaleState::Ended, 11),
                Some(count(SaleState::Ended, 11)),
            ),
        ] {
            assert_eq!(known.newer(counted), newer);
        }
        let first = count(SaleState::Unplanned, 0);
        assert_eq!(SaleCount::default().newer(first), Some(first));
    }
}
