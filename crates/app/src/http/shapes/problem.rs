//! The shape of a problem document.

use serde::Serialize;
use utoipa::ToSchema;

/// A problem document (RFC 9457). Some kinds have more members.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemBody {
    /// The path of a page on this server that explains the problem.
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
}
