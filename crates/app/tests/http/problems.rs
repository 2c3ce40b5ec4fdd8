//! Checks problem documents in answers.

use frontrow_test_harness::Reply;

/// Fails unless `reply` is the problem of this status and kind.
pub(crate) fn assert_problem(reply: &Reply, status: u16, slug: &str) {
    let kind = format!("/problems/{slug}");
    let seen = (reply.status, reply.json["type"].as_str());
    assert_eq!(seen, (status, Some(kind.as_str())), "{reply:?}");
}
