//! The hazards of a line: how likely the users ahead of a position are to leave, by its depth.

/// For each depth, the number of users who leave ahead of a user there, per user ahead and second.
///
/// Depth `n` has the positions from 2^n to 2^(n+1). The last one has all beyond.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Hazards([f64; Hazards::DEPTHS]);

impl Hazards {
    /// The number of depths.
    pub(super) const DEPTHS: usize = 24;

    pub(super) fn new(by_depth: [f64; Self::DEPTHS]) -> Self {
        Self(by_depth)
    }

    /// Returns the depth of a position.
    pub(super) fn depth(position: u64) -> usize {
        let depth = usize::try_from(position.max(1).ilog2()).unwrap_or(usize::MAX);
        depth.min(Self::DEPTHS - 1)
    }

    /// Returns the seconds until `position` users ahead are out of the line, if `speed` of them are
    /// admitted per second and the others may leave.
    ///
    /// While x users are ahead, their number falls by `speed` + hazard · x per second.
    pub(super) fn seconds(&self, position: f64, speed: f64) -> f64 {
        self.depths()
            .take_while(|&(_, from, _)| from < position)
            .map(|(hazard, from, to)| {
                let users = position.min(to) - from;
                if hazard * users < speed * 1e-9 {
                    users / speed
                } else {
                    (hazard * users / (speed + hazard * from)).ln_1p() / hazard
                }
            })
            .sum()
    }

    /// Returns how many of `position` users ahead are left after `seconds` in which no user is
    /// admitted.
    pub(super) fn after(&self, position: f64, seconds: f64) -> f64 {
        let (mut position, mut seconds) = (position, seconds);
        let mut depths: Vec<_> = self
            .depths()
            .take_while(|&(_, from, _)| from < position)
            .collect();
        while let Some((hazard, from, _)) = depths.pop() {
            let to_end = if hazard > 0.0 && from > 0.0 {
                (position / from).ln() / hazard
            } else {
                f64::INFINITY
            };
            if seconds <= to_end {
                return position * (-hazard * seconds).exp();
            }
            seconds -= to_end;
            position = from;
        }
        position
    }

    /// Returns the hazard of each depth, and the positions between which it applies.
    fn depths(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        let ends = (1..Self::DEPTHS).map(|depth| f64::from(1_u32 << depth));
        let from = std::iter::once(0.0).chain(ends.clone());
        let to = ends.chain(std::iter::once(f64::INFINITY));
        self.0
            .iter()
            .zip(from)
            .zip(to)
            .map(|((&hazard, from), to)| (hazard, from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() <= right.abs() * 1e-3 + 1e-6
    }

    /// Computes the wait in small steps.
    fn stepped(hazards: &Hazards, position: f64, speed: f64) -> f64 {
        const STEP: f64 = 0.001;
        let (mut left, mut seconds) = (position, 0.0);
        while left > 0.0 {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a position of the test"
            )]
            let depth = Hazards::depth(left as u64);
            left -= STEP * (speed + hazards.0[depth] * left);
            seconds += STEP;
        }
        seconds
    }

    #[test]
    fn each_position_has_a_depth() {
        for (position, depth) in [
            (0, 0),
            (1, 0),
            (2, 1),
            (3, 1),
            (4, 2),
            (4_095, 11),
            (4_096, 12),
            (u64::MAX, Hazards::DEPTHS - 1),
        ] {
            assert_eq!(Hazards::depth(position), depth, "{position}");
        }
    }

    #[test]
    fn without_departures_the_wait_is_the_position_by_the_speed() {
        assert!(close(Hazards::default().seconds(5_000.0, 100.0), 50.0));
        assert!(close(Hazards::default().seconds(1e9, 100.0), 1e7));
        assert!(close(Hazards::default().after(5_000.0, 100.0), 5_000.0));
    }

    #[test]
    fn users_ahead_who_leave_shorten_the_wait() {
        let mut profile = [0.0; Hazards::DEPTHS];
        for (depth, hazard) in profile.iter_mut().enumerate() {
            *hazard = [0.02, 0.0, 0.001, 0.05][depth % 4];
        }
        let hazards = Hazards::new(profile);
        for position in [1.0, 10.0, 300.0, 5_000.0] {
            for speed in [0.5, 10.0, 200.0] {
                let (exact, stepped) = (
                    hazards.seconds(position, speed),
                    stepped(&hazards, position, speed),
                );
                assert!(
                    (exact - stepped).abs() < 0.01 * stepped + 0.01,
                    "{position} {speed}"
                );
            }
        }
    }

    #[test]
    fn the_number_of_users_ahead_falls_through_all_depths() {
        let hazards = Hazards::new([0.1; Hazards::DEPTHS]);
        assert!(close(hazards.after(5_000.0, 10.0), 5_000.0 / 1_f64.exp()));
        assert!(close(
            hazards.after(5_000.0, 60.0),
            5_000.0 * (-6_f64).exp()
        ));
    }
}
