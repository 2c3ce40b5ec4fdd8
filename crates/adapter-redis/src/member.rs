//! The name under which Redis stores a user.

use frontrow_domain::model::UserId;
use sha2::{Digest, Sha256};

/// The number of bytes of a user's digest that are kept.
///
/// With its header and its terminator a string of 14 bytes just fills the allocator's size class of
/// 16 bytes. One more byte would cost 16, twice for each waiting user. The probability that two of
/// a million users have the same 112 bits is below 1 in 10^21.
pub(crate) const MEMBER_BYTES: usize = 14;

/// The truncated SHA-256 digest of a user's name: the user's member in the sets of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Member([u8; MEMBER_BYTES]);

impl Member {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&UserId> for Member {
    fn from(user: &UserId) -> Self {
        let digest = Sha256::digest(user.as_str());
        let mut member = [0; MEMBER_BYTES];
        for (to, from) in member.iter_mut().zip(digest) {
            *to = from;
        }
        Self(member)
    }
}
