//! Idempotency keys: a request with a key may be repeated and takes effect once.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{Amount, Invalid, UserId};

/// The value of the `Idempotency-Key` header: 1 to 255 printable ASCII characters. Unique per
/// [`Sender`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// How long a key is kept whose effect is neither money nor a seat. All others are kept
    /// forever.
    pub const KEPT: Duration = Duration::from_hours(30 * 24);

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

/// The sender of a request with a key. Two senders may use the same key for different requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Sender {
    /// A user.
    User(UserId),
    /// The name of an admin key, so that the sender stays the same when the key itself is replaced.
    Operator(String),
}

impl Sender {
    /// The kind of sender. It is stored because a user and an operator may have the same name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Operator(_) => "operator",
        }
    }

    /// The user's id, or the name of the admin key.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::User(user) => user.as_str(),
            Self::Operator(name) => name,
        }
    }
}

/// The operation of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A user charges their own points.
    Charge,
    /// An operator charges a user's points.
    OperatorCharge,
    /// A user pays for a reservation.
    Payment,
    /// An operator creates a concert.
    CreateConcert,
    /// An operator creates a performance.
    CreatePerformance,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 5] = [
        Self::Charge,
        Self::OperatorCharge,
        Self::Payment,
        Self::CreateConcert,
        Self::CreatePerformance,
    ];

    /// The name of the operation in stores and digests. It must never change, because both are
    /// kept.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::OperatorCharge => "operator-charge",
            Self::Payment => "payment",
            Self::CreateConcert => "create-concert",
            Self::CreatePerformance => "create-performance",
        }
    }

    /// Returns true if a repeat that took effect again would cost money or a seat. Such keys are
    /// never purged.
    #[must_use]
    pub fn moves_money(self) -> bool {
        match self {
            Self::Charge | Self::OperatorCharge | Self::Payment => true,
            Self::CreateConcert | Self::CreatePerformance => false,
        }
    }
}

/// The SHA-256 hash of the meaning of a request: its operation, the ids in its path, and its body.
///
/// It does not hash the bytes of the body, because a client may format its JSON differently on a
/// repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestDigest(pub [u8; 32]);

impl RequestDigest {
    /// Hashes the parts, each preceded by its length, so that different lists of parts never have
    /// the same bytes.
    pub(super) fn of<'a>(operation: Operation, parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        hash.update(operation.as_str());
        hash.update([0]);
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The digest of the first edition, which had one part, of a fixed length.
    pub(super) fn of_one(operation: Operation, part: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(operation.as_str());
        hash.update([0]);
        hash.update(part);
        Self(hash.finalize().into())
    }

    pub(super) fn former_operator_charge(amount: Amount) -> Self {
        Self::of_one(
            Operation::OperatorCharge,
            &amount.minor_units().to_be_bytes(),
        )
    }
}

/// An effect, and whether this call had it or an earlier one with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied<T> {
    /// The outcome of the first call.
    pub effect: T,
    /// True if an earlier call had the effect and this one changed nothing.
    pub replayed: bool,
}

impl<T> Applied<T> {
    /// An effect of this call.
    pub fn first(effect: T) -> Self {
        Self {
            effect,
            replayed: false,
        }
    }

    /// An effect of an earlier call.
    pub fn replayed(effect: T) -> Self {
        Self {
            effect,
            replayed: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_operations_that_move_money_are_kept_for_ever() {
        let kept: Vec<_> = Operation::ALL
            .iter()
            .filter(|operation| operation.moves_money())
            .map(|operation| operation.as_str())
            .collect();
        assert_eq!(kept, ["charge", "operator-charge", "payment"]);
    }
}
