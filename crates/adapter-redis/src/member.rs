//! Who a user is in Redis.

use frontrow_domain::model::UserId;
use sha2::{Digest, Sha256};

/// How many bytes of a user's digest are kept.
///
/// With its header and its end a string of 14 bytes just fills the allocator's class of 16; one more
/// byte would cost 16, twice for each who waits. Among a million users two with the same 112 bits are
/// less likely than one in 10^21.
pub(crate) const MEMBER_BYTES: usize = 14;

/// The digest of a user's name: what stands for them in a queue's sets.
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
