//! The operations on the places of users, and the calls of their scripts.

use deadpool_redis::redis::{Cmd, Script};
use frontrow_domain::{
    model::ConcertId,
    ports::{Stamped, StoreResult},
};

use crate::{
    script_runner::{Caller, ScriptRunner},
    scripts,
    user_requests::{self, BatchReply, UserReply, UserRequest},
};

/// An operation on the places of users, which a batch runs for many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum UserOperation {
    Join,
    LookUp,
    PassGate,
    Leave,
}

impl UserOperation {
    /// Runs the operation for these requests in one call. Each must be of another user. Lists the
    /// queue as busy if the reply says so.
    pub(crate) async fn call<'a>(
        self,
        runner: &ScriptRunner,
        concert: ConcertId,
        requests: impl ExactSizeIterator<Item = &'a UserRequest> + Clone,
    ) -> StoreResult<BatchReply> {
        let arguments = |call: &mut Cmd| {
            for request in requests.clone() {
                request.add_to(call);
            }
        };
        let reply = runner
            .run_on_queue(Caller::Request, concert, self.script(), arguments)
            .await?;
        let replies = BatchReply::read(reply, requests.len())?;
        if let Some(listing) = replies.listing {
            runner.try_to_list(Caller::Request, concert, listing).await;
        }
        Ok(replies)
    }

    fn script(self) -> &'static Script {
        match self {
            Self::Join => &scripts::JOIN,
            Self::LookUp => &scripts::LOOK_UP,
            Self::PassGate => &scripts::PASS_GATE,
            Self::Leave => &scripts::LEAVE,
        }
    }

    /// Returns true if the operation may change nothing for a claimed place, so that the cheaper
    /// `CLAIMED` script can answer it.
    pub(crate) fn may_only_read(self) -> bool {
        matches!(self, Self::LookUp | Self::PassGate)
    }
}

/// Looks up the claimed places of these requests, in their order. None for a request without a
/// claimed place.
pub(crate) async fn claimed<'a>(
    runner: &ScriptRunner,
    concert: ConcertId,
    requests: impl ExactSizeIterator<Item = &'a UserRequest> + Clone,
) -> StoreResult<Vec<Option<Stamped<UserReply>>>> {
    let members = |call: &mut Cmd| {
        for request in requests.clone() {
            request.add_member_to(call);
        }
    };
    let reply = runner
        .run_on_queue(Caller::Request, concert, &scripts::CLAIMED, members)
        .await?;
    user_requests::read_claimed(reply, requests)
}
