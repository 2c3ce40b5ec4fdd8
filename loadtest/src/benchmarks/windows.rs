//! Counts the admissions in the windows of a throughput.

use std::cmp::Reverse;

/// The number of gaps between admissions that are tried as beginnings of windows.
const GAPS_TRIED: usize = 100;

/// Windows, and the number of admissions in each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilledWindows {
    /// The number of admissions in each window.
    pub(crate) windows: Vec<usize>,
}

impl FilledWindows {
    /// Returns the number of admissions in all windows.
    pub(crate) fn admitted(&self) -> u64 {
        self.windows.iter().sum::<usize>() as u64
    }
}

/// The limit that a throughput sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Users per window.
    pub(crate) admit: u64,
    /// The length of a window, in µs.
    pub(crate) interval_us: i64,
}

/// Counts the admissions in the windows from `from` to `until`. All are in µs, and `admitted` is
/// sorted.
///
/// Whole windows count. The window that is running at `from` also counts if it admitted a user. Its
/// rest may pass between two ticks, and a queue that was just opened may have no window yet.
pub(crate) fn filled(admitted: &[i64], limit: Limit, from: i64, until: i64) -> FilledWindows {
    let interval = limit.interval_us;
    let first_whole = from + (beginning(admitted, limit, from) - from).rem_euclid(interval);
    let running = first_whole - interval;
    let is_admitted = |from: i64, to: i64| {
        let end = admitted.partition_point(|&at| at < to);
        end - admitted.partition_point(|&at| at < from)
    };
    let start = if first_whole > from && is_admitted(running, first_whole) > 0 {
        running
    } else {
        first_whole
    };
    let windows = (until - start).div_euclid(interval).max(0);
    let windows = (0..windows).map(|window| start + window * interval);
    FilledWindows {
        windows: windows.map(|at| is_admitted(at, at + interval)).collect(),
    }
}

/// Returns the beginning of windows, as an offset in an interval. No answer states it.
///
/// The admissions of a window follow its beginning, so the largest gap is between the last
/// admission of one window and the first of the next. If some admissions come very late, another
/// gap may be larger, but with that beginning a window would have admitted more than its limit. So
/// this returns the largest gap with which no window exceeds the limit.
fn beginning(admitted: &[i64], limit: Limit, from: i64) -> i64 {
    let gaps = gaps(admitted, limit.interval_us);
    let kept = gaps.iter().take(GAPS_TRIED);
    let mut kept = kept.filter(|&&begins| is_kept(admitted, limit, begins));
    kept.next().or(gaps.first()).copied().unwrap_or(from)
}

/// Returns the ends of the gaps between admissions, as offsets in an interval. The largest gap is
/// first.
fn gaps(admitted: &[i64], interval: i64) -> Vec<i64> {
    let mut offsets: Vec<_> = admitted.iter().map(|at| at.rem_euclid(interval)).collect();
    offsets.sort_unstable();
    let last = offsets.last().map(|last| last - interval);
    let before = last.into_iter().chain(offsets.iter().copied());
    let mut gaps: Vec<_> = before
        .zip(&offsets)
        .map(|(from, &to)| (to - from, to))
        .collect();
    gaps.sort_unstable_by_key(|&(gap, to)| (Reverse(gap), to));
    gaps.into_iter().map(|(_, to)| to).collect()
}

/// Returns true if no window admits more than the limit.
fn is_kept(admitted: &[i64], limit: Limit, begins: i64) -> bool {
    let window = |at: &i64| (at - begins).div_euclid(limit.interval_us);
    let windows = admitted.chunk_by(|one, other| window(one) == window(other));
    windows
        .into_iter()
        .all(|window| window.len() as u64 <= limit.admit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: i64 = 1_000;
    const LIMIT: Limit = Limit {
        admit: 2,
        interval_us: INTERVAL,
    };

    /// Returns two admissions in each of these windows, some time after its beginning. Windows
    /// begin at 300.
    fn admissions(windows: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let at = |window: i64| {
            let late = (window * 7).rem_euclid(90);
            let begins = 300 + window * INTERVAL + late;
            [begins, begins + 50]
        };
        windows.into_iter().flat_map(at).collect()
    }

    fn count(admitted: &[i64], from: i64, until: i64) -> (usize, u64) {
        let filled = filled(admitted, LIMIT, from, until);
        (filled.windows.len(), filled.admitted())
    }

    #[test]
    fn whole_windows_count_wherever_they_begin() {
        let all = admissions(0..20);
        assert_eq!(count(&all, 300, 10_300), (10, 20));
        // The first window was running, and admitted users.
        assert_eq!(count(&all, 1_350, 11_350), (10, 20));
        // The rest of the last window is not over.
        assert_eq!(count(&all, 300, 11_299), (10, 20));
    }

    #[test]
    fn a_window_without_admissions_is_missed() {
        let missed = admissions((0..20).filter(|&window| window != 7));
        assert_eq!(count(&missed, 300, 10_300), (10, 18));
        let late = admissions(5..20);
        assert_eq!(count(&late, 301, 10_301), (10, 10));
        assert_eq!(count(&[], 0, 10_000), (10, 0));
    }

    #[test]
    fn the_rest_of_a_window_counts_if_it_was_used() {
        // Opened long before the window of the first admissions.
        let next = admissions(1..20);
        assert_eq!(count(&next, 400, 10_400), (9, 18));
        // Opened late in a window, and admitted users in its rest.
        let mut used = vec![1_100, 1_101];
        used.extend(&next);
        assert_eq!(count(&used, 1_100, 11_100), (10, 20));
        // Opened shortly before a window.
        assert_eq!(count(&admissions(0..20), 299, 10_299), (9, 18));
        // Opened shortly after a window began, and admitted users sooner than in any other window.
        let mut at_once = vec![306, 330];
        at_once.extend(&next);
        assert_eq!(count(&at_once, 305, 10_305), (10, 20));
        // No user was admitted for longer than a window.
        assert_eq!(count(&admissions(2..20), 400, 10_400), (9, 16));
    }

    #[test]
    fn admissions_that_come_late_are_those_of_their_window() {
        let mut late = admissions((0..20).filter(|&window| window != 7));
        late.extend([8_280, 8_290]);
        late.sort_unstable();
        let filled = filled(&late, LIMIT, 300, 10_300);
        assert_eq!(filled.windows, [2; 10]);
    }

    #[test]
    fn nothing_counts_where_no_window_was_whole() {
        assert_eq!(count(&admissions(0..20), 5_900, 6_000), (0, 0));
    }
}
