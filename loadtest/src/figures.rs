//! Arithmetic on measured values, and their formatting.

use std::time::Duration;

/// Converts a count without loss.
#[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^53")]
pub(crate) fn exact(count: u64) -> f64 {
    count as f64
}

/// Returns the median: of an even number of values, the mean of the two in the middle. None without
/// values.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(middle.checked_sub(1)?)?;
    Some(f64::midpoint(lower, upper))
}

/// Returns `part` divided by `whole`. None unless `whole` is greater than 0.
pub(crate) fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// Formats a latency in µs, ms or s.
pub(crate) fn short(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    if micros < 1_000.0 {
        format!("{micros:.0} µs")
    } else if micros < 1e6 {
        format!("{:.2} ms", micros / 1e3)
    } else {
        format!("{:.2} s", micros / 1e6)
    }
}

/// Formats a rate: `12,345/s`.
pub(crate) fn per_second(rate: f64) -> String {
    format!("{}/s", grouped(rate))
}

/// Formats a number, rounded to a whole one, with a comma for each thousand.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if number <= -0.5 {
        text.insert(0, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), Some(3.0));
    }

    #[test]
    fn a_ratio_to_zero_is_none() {
        assert_eq!(ratio(1.0, 2.0), Some(0.5));
        assert_eq!(ratio(1.0, 0.0), None);
        assert_eq!(ratio(1.0, f64::NAN), None);
    }

    #[test]
    fn numbers_have_thousands_separators_and_durations_have_units() {
        assert_eq!(grouped(0.4), "0");
        assert_eq!(grouped(-0.4), "0");
        assert_eq!(grouped(999.0), "999");
        assert_eq!(grouped(-1_234_567.2), "-1,234,567");
        assert_eq!(short(Duration::from_micros(850)), "850 µs");
        assert_eq!(short(Duration::from_micros(1_500)), "1.50 ms");
        assert_eq!(short(Duration::from_millis(2_500)), "2.50 s");
    }
}
