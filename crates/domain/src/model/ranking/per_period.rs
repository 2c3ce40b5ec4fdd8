use super::Period;

/// One value for each period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PerPeriod<T> {
    realtime: T,
    daily: T,
    weekly: T,
    monthly: T,
}

impl<T> PerPeriod<T> {
    /// Returns the value of `period`.
    #[must_use]
    pub fn of(&self, period: Period) -> &T {
        match period {
            Period::Realtime => &self.realtime,
            Period::Daily => &self.daily,
            Period::Weekly => &self.weekly,
            Period::Monthly => &self.monthly,
        }
    }
}
