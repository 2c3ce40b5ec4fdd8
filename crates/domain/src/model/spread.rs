//! Numbers that are spread evenly, without randomness.

/// 2^64 divided by the golden ratio, to the nearest odd number.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Returns a number from 0 to `values` - 1, or 0 if `values` is 0. The numbers of successive turns
/// are spread evenly over the range: each falls into one of the largest gaps that earlier turns
/// left.
#[must_use]
pub fn spread(turn: u64, values: u64) -> u64 {
    let part = u128::from(turn.wrapping_mul(GOLDEN));
    u64::try_from((part * u128::from(values)) >> 64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successive_turns_take_each_value_about_equally_often() {
        for begin in [0, 1_234_567, u64::MAX - 500] {
            let mut counts = [0_u32; 15];
            for turn in 0..1_000 {
                let value = spread(begin.wrapping_add(turn), 15);
                counts[usize::try_from(value).unwrap()] += 1;
            }
            assert!(
                counts.iter().all(|count| (63..=70).contains(count)),
                "{counts:?}"
            );
        }
    }

    #[test]
    fn neighbours_are_far_apart() {
        for turn in 0..1_000 {
            let [one, other] = [turn, turn + 1].map(|turn| spread(turn, 1_000));
            assert!(one.abs_diff(other) > 300, "{turn}");
        }
    }

    #[test]
    fn a_range_without_a_choice_has_one_number() {
        for values in [0, 1] {
            assert_eq!(spread(7, values), 0);
        }
    }
}
