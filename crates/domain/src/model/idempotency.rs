//! Requests that may be repeated and take effect once.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{Amount, Invalid, ReservationId};

/// What a client sends in `Idempotency-Key`: 1 to 255 printable ASCII characters. Unique per user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// How long a key stands for its effect at least.
    pub const KEPT: Duration = Duration::from_hours(24);

    /// The longest key, in characters.
    pub const MAX_LEN: usize = 255;

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for IdempotencyKey {
    type Error = Invalid;

    fn try_from(text: &str) -> Result<Self, Invalid> {
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if text.is_empty() || text.len() > Self::MAX_LEN || !printable {
            return Err(Invalid::new(
                "an Idempotency-Key is 1 to 255 printable ASCII characters",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// What a request asks for, so that a key is not taken for another request.
///
/// SHA-256 over the meaning of the request, not over its bytes: a client that formats its JSON
/// differently on a repeat still asks for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestDigest(pub [u8; 32]);

impl RequestDigest {
    /// Paying a reservation.
    #[must_use]
    pub fn payment(reservation: ReservationId) -> Self {
        Self::of(b"payment", reservation.0.as_bytes())
    }

    /// Charging one's own points.
    #[must_use]
    pub fn charge(amount: Amount) -> Self {
        Self::of(b"charge", &amount.minor_units().to_be_bytes())
    }

    /// An operator charging a user's points.
    #[must_use]
    pub fn operator_charge(amount: Amount) -> Self {
        Self::of(b"operator-charge", &amount.minor_units().to_be_bytes())
    }

    fn of(kind: &[u8], argument: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(kind);
        hash.update([0]);
        hash.update(argument);
        Self(hash.finalize().into())
    }
}

/// The key of a request together with what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    /// The client's key.
    pub key: IdempotencyKey,
    /// What is asked for under it.
    pub digest: RequestDigest,
}

/// An effect, and whether this very call had it or an earlier one with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied<T> {
    /// What came of it, the first time.
    pub effect: T,
    /// True when an earlier call had the effect and this one changed nothing.
    pub replayed: bool,
}
