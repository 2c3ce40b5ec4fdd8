use crate::model::queue::Ticket;

/// Signs and verifies queue tokens, without I/O.
///
/// - Called by: [`JoinQueue`](crate::use_cases::JoinQueue),
///   [`LookUpPlace`](crate::use_cases::LookUpPlace), [`PassGate`](crate::use_cases::PassGate),
///   [`LeaveQueue`](crate::use_cases::LeaveQueue).
/// - Implemented by: `QueueTokens`.
///
/// A token is a JWT (RFC 7519) signed with HS256. Its `kid` names the key, so that keys can be
/// rotated while tokens are in use. The same ticket and key always result in the same bytes: a
/// token has neither `iat` nor `exp`.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait TokenSigner: Send + Sync {
    /// Returns the token of `ticket`, signed with the newest key.
    fn sign(&self, ticket: &Ticket) -> String;

    /// Returns the ticket in `token`.
    ///
    /// # Errors
    /// [`TokenRefusal`] if this service did not sign it, or no longer accepts its key.
    fn verify(&self, token: &str) -> Result<Ticket, TokenRefusal>;

    /// Returns true if the verified `token` is what [`TokenSigner::sign`] would return for its
    /// ticket, so that it need not be signed again. A signer may always return false: then the
    /// caller signs once more than necessary.
    fn is_current(&self, token: &str) -> bool {
        let _ = token;
        false
    }
}

/// The token is not one that this service signed with a key it still accepts: not a JWT, cut short,
/// another algorithm, an unknown or retired key, a wrong signature, or unreadable contents. Clients
/// do not learn which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue token is not valid")]
pub struct TokenRefusal;
