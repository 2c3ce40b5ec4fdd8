//! Settings that are never shown.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// A setting that is never shown: neither by `Debug`, nor by `frontrow config`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// The shortest secret that signs tokens: as long as the hash of HS256 (RFC 7518, section 3.2).
    pub(crate) const MIN_LEN: usize = 32;

    /// The secret itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}
