//! How well admissions filled the windows of a throughput.

/// Windows, and the admissions in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) windows: u64,
    pub(crate) admitted: u64,
}

/// What a throughput admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    /// How many users in a window.
    pub(crate) admit: u64,
    /// How long a window is, in µs.
    pub(crate) interval_us: i64,
}

/// Counts the windows from `from` to `until`, and the admissions in them. All in µs; `admitted` is
/// sorted.
///
/// The whole windows count. The one that runs at `from` counts, too, where it admitted anybody or
/// half of it was left: a shorter rest may pass between two ticks.
pub(crate) fn filled(admitted: &[i64], limit: Limit, from: i64, until: i64) -> Filled {
    let interval = limit.interval_us;
    let first_whole = from + (beginning(admitted, limit, from) - from).rem_euclid(interval);
    let running = first_whole - interval;
    let is_admitted = |from: i64, to: i64| {
        let end = admitted.partition_point(|&at| at < to);
        end - admitted.partition_point(|&at| at < from)
    };
    let counts = is_admitted(running, first_whole) > 0 || first_whole - from >= interval / 2;
    let start = if counts && first_whole > from {
        running
    } else {
        first_whole
    };
    let windows = (until - start).div_euclid(interval).max(0);
    let end = start + windows * interval;
    Filled {
        windows: windows.unsigned_abs(),
        admitted: is_admitted(start, end) as u64,
    }
}

/// Where in an interval windows begin, which no answer says.
///
/// Admissions follow the beginning of their window: between the last of one and the first of the next
/// is the largest gap. Only those of a queue that was just opened may come late in their window.
/// Where they make a window look as if it had admitted more than it may, they are left out.
fn beginning(admitted: &[i64], limit: Limit, from: i64) -> i64 {
    let interval = limit.interval_us;
    let later = admitted.partition_point(|&at| at < from + interval);
    let all = behind_the_largest_gap(admitted, interval);
    all.filter(|&begins| is_kept(admitted, limit, begins))
        .or_else(|| behind_the_largest_gap(admitted.get(later..)?, interval))
        .or(all)
        .unwrap_or(from)
}

fn behind_the_largest_gap(admitted: &[i64], interval: i64) -> Option<i64> {
    let mut places: Vec<_> = admitted.iter().map(|at| at.rem_euclid(interval)).collect();
    places.sort_unstable();
    let last = *places.last()?;
    let before = std::iter::once(last - interval).chain(places.iter().copied());
    let gaps = before.zip(&places).map(|(before, &at)| (at - before, at));
    gaps.max_by_key(|(gap, _)| *gap).map(|(_, at)| at)
}

/// True where no window admits more than it may.
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

    /// Two admissions in each of these windows of a grid that begins at 300, some time after their
    /// beginning.
    fn admissions(windows: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let at = |window: i64| {
            let late = (window * 7).rem_euclid(90);
            let begins = 300 + window * INTERVAL + late;
            [begins, begins + 50]
        };
        windows.into_iter().flat_map(at).collect()
    }

    fn count(admitted: &[i64], from: i64, until: i64) -> (u64, u64) {
        let filled = filled(admitted, LIMIT, from, until);
        (filled.windows, filled.admitted)
    }

    #[test]
    fn whole_windows_count_wherever_they_begin() {
        let all = admissions(0..20);
        assert_eq!(count(&all, 300, 10_300), (10, 20));
        // The first was running, and admitted.
        assert_eq!(count(&all, 1_350, 11_350), (10, 20));
        // Of the last, the rest is not over.
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
    fn the_rest_of_a_window_counts_if_it_was_long_or_used() {
        // Opened 400 before the next window, in which the first admissions were.
        let next = admissions(1..20);
        assert_eq!(count(&next, 900, 10_900), (9, 18));
        // Opened right where a window begins.
        assert_eq!(count(&admissions(0..20), 299, 10_299), (9, 18));
        // Opened as soon as one had begun, before the first admission of any other.
        let mut at_once = vec![306, 330];
        at_once.extend(admissions(1..20));
        assert_eq!(count(&at_once, 305, 10_305), (10, 20));
        // Opened 900 before it: that window could have been filled.
        assert_eq!(count(&next, 400, 10_400), (10, 18));
        // Opened 200 before it, and used what was left.
        let mut used = next;
        used.insert(0, 1_100);
        used.insert(1, 1_101);
        assert_eq!(count(&used, 1_100, 11_100), (10, 20));
    }

    #[test]
    fn nothing_counts_where_no_window_was_whole() {
        assert_eq!(count(&admissions(0..20), 5_900, 6_000), (0, 0));
    }
}
