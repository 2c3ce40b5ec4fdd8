//! The ids of the domain: UUIDs of version 7 from the [`Ids`](crate::ports::Ids) port, and user
//! ids.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Invalid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|_| Invalid::new("must be a UUID"))
            }
        }
    };
}

id!(
    /// The id of a concert and of its queue: a concert has exactly one.
    ConcertId
);
id!(
    /// The id of a performance.
    PerformanceId
);
id!(
    /// The id of a reservation.
    ReservationId
);
id!(
    /// The id of a row of the ledger.
    LedgerEntryId
);

/// The id of a user, from the identity provider: 1 to 64 printable ASCII characters, no space.
///
/// Cheap to clone: the text is shared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct UserId(Arc<str>);

impl UserId {
    /// The longest user id, in characters.
    pub const MAX_LEN: usize = 64;

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for UserId {
    type Error = Invalid;

    fn try_from(text: &str) -> Result<Self, Invalid> {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > Self::MAX_LEN || !printable {
            return Err(Invalid::new(
                "a user id is 1 to 64 printable ASCII characters without spaces",
            ));
        }
        Ok(Self(text.into()))
    }
}

impl FromStr for UserId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::try_from(text)
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::try_from(text.as_ref()).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_is_short_printable_ascii() {
        assert!(UserId::try_from("alice@example.com").is_ok());
        assert!(UserId::try_from("x".repeat(64).as_str()).is_ok());
        for bad in ["", " ", "a b", "é", "a\n", "x".repeat(65).as_str()] {
            assert!(UserId::try_from(bad).is_err(), "{bad:?}");
        }
    }
}
