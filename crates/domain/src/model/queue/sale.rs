//! What is left to buy of a concert.

use jiff::Timestamp;

/// What is left to buy of a concert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SaleState {
    /// The concert has no performance yet.
    Unplanned,
    /// A performance is to come, and not all of its seats are sold.
    #[default]
    OnSale,
    /// Every seat of the performances to come is sold.
    SoldOut,
    /// The concert had performances, and the last has started.
    Ended,
}

/// What was left to buy when the database last counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaleCount {
    /// What was left.
    pub sale: SaleState,
    /// When it was counted, by the database's clock. An older count changes nothing.
    pub counted_at: Timestamp,
}

impl SaleState {
    /// All states. A store keeps a state as its place in this list.
    pub const ALL: [Self; 4] = [Self::OnSale, Self::SoldOut, Self::Ended, Self::Unplanned];

    /// The number by which a store keeps the state: from its first version on 0 means on sale and 1
    /// sold out.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::OnSale => 0,
            Self::SoldOut => 1,
            Self::Ended => 2,
            Self::Unplanned => 3,
        }
    }

    /// The state that a store keeps as `number`. None if there is none.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.number() == number)
    }
}

impl Default for SaleCount {
    /// No count yet: any count is newer.
    fn default() -> Self {
        Self {
            sale: SaleState::default(),
            counted_at: Timestamp::MIN,
        }
    }
}

impl SaleCount {
    /// The newer of both: `count` unless it is older.
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
