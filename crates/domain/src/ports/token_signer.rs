use crate::model::queue::Ticket;

/// Makes queue tokens and checks them, without I/O.
///
/// A token is a JWT (RFC 7519) signed with HS256, whose `kid` names the key, so that keys can be
/// changed while tokens are out. The same ticket and key always give the same bytes: a token holds
/// neither `iat` nor `exp`.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait TokenSigner: Send + Sync {
    /// The token for `ticket`, signed with the newest key.
    fn sign(&self, ticket: &Ticket) -> String;

    /// What `token` says.
    ///
    /// # Errors
    /// [`TokenRefusal`] where it is not ours, or no longer.
    fn verify(&self, token: &str) -> Result<Ticket, TokenRefusal>;

    /// True where `token`, which was verified, is what [`TokenSigner::sign`] would give for its
    /// ticket, so that signing it again is spared. False is never wrong: it costs a signature.
    fn is_current(&self, token: &str) -> bool {
        let _ = token;
        false
    }
}

/// The token is not one that this service signed with a key it still accepts: not a JWT, cut short,
/// another algorithm, an unknown or retired key, a wrong signature, or unreadable contents. Which of
/// them is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue token is not valid")]
pub struct TokenRefusal;
