//! Money in whole minor units. One database has one currency, which is stored in it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Invalid;

/// A sum of money that is never negative, in whole minor units (cents, or won, which has none).
///
/// At most [`Amount::MAX`], the largest whole number that every JSON reader keeps exactly.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(try_from = "i64", into = "i64")]
pub struct Amount(i64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// 2^53 − 1, see RFC 8259, section 6.
    pub const MAX: Self = Self(9_007_199_254_740_991);

    /// The sum in minor units.
    #[must_use]
    pub const fn minor_units(self) -> i64 {
        self.0
    }

    /// Returns the sum of both. None if it is over [`Amount::MAX`].
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::try_from(self.0 + other.0).ok()
    }

    /// Returns the difference. None if `other` is larger.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        Self::try_from(self.0 - other.0).ok()
    }

    /// Returns the sum of all. None if it is over [`Amount::MAX`].
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }
}

impl TryFrom<i64> for Amount {
    type Error = Invalid;

    fn try_from(minor_units: i64) -> Result<Self, Invalid> {
        if (0..=Self::MAX.0).contains(&minor_units) {
            Ok(Self(minor_units))
        } else {
            Err(Invalid::new(format!(
                "an amount is a whole number of minor units from 0 to {}",
                Self::MAX.0
            )))
        }
    }
}

impl From<Amount> for i64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An ISO 4217 currency code, such as `KRW`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// South Korean won, which has no minor unit.
    pub const KRW: Self = Self(*b"KRW");

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let code = iso_currency::Currency::from_code(text)
            .filter(|listed| listed.is_superseded().is_none())
            .and_then(|listed| listed.code().as_bytes().try_into().ok());
        code.map(Self).ok_or_else(|| {
            Invalid::new("a currency is a code of ISO 4217 in capital letters, such as KRW or EUR")
        })
    }
}

impl TryFrom<String> for Currency {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_neither_wrap_nor_go_below_zero() {
        let one = Amount::try_from(1).unwrap();
        assert_eq!(Amount::MAX.checked_add(one), None);
        assert_eq!(Amount::ZERO.checked_sub(one), None);
        assert!(Amount::try_from(-1).is_err());
        assert!(Amount::try_from(i64::MAX).is_err());
        assert_eq!(
            Amount::checked_sum([one, one]),
            Some(Amount::try_from(2).unwrap())
        );
    }

    #[test]
    fn a_currency_is_one_that_iso_4217_lists() {
        for good in ["KRW", "EUR", "USD", "JPY", "BHD"] {
            assert_eq!(good.parse::<Currency>().unwrap().as_str(), good);
        }
        for bad in ["krw", "KR", "KRWW", "K1W", "", "ABC", "ZZZ", "DEM", "VEF"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad}");
        }
    }
}
