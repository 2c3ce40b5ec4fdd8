//! What is asked about people.

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

/// What is asked about people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Join,
    LookUp,
    PassGate,
    Leave,
}

impl Operation {
    /// Asks this about people, of whom nobody may be there twice.
    pub(crate) async fn ask<'a>(
        self,
        calls: &ScriptRunner,
        concert: ConcertId,
        people: impl ExactSizeIterator<Item = &'a UserRequest> + Clone,
    ) -> StoreResult<BatchReply> {
        let arguments = |call: &mut Cmd| {
            for person in people.clone() {
                person.add_to(call);
            }
        };
        let reply = calls
            .on_queue(Caller::Request, concert, self.script(), arguments)
            .await?;
        let answers = BatchReply::read(reply, people.len())?;
        if let Some(listing) = answers.listing {
            calls.try_to_list(Caller::Request, concert, listing).await;
        }
        Ok(answers)
    }

    fn script(self) -> &'static Script {
        match self {
            Self::Join => &scripts::JOIN,
            Self::LookUp => &scripts::LOOK_UP,
            Self::PassGate => &scripts::PASS_GATE,
            Self::Leave => &scripts::LEAVE,
        }
    }

    /// True where somebody whose place is claimed may be told so, and nothing else happens.
    pub(crate) fn may_only_look(self) -> bool {
        matches!(self, Self::LookUp | Self::PassGate)
    }
}

/// Looks whether people have claimed their places, and what is to be told of those that they have: none of
/// the others.
pub(crate) async fn claimed<'a>(
    calls: &ScriptRunner,
    concert: ConcertId,
    people: impl ExactSizeIterator<Item = &'a UserRequest> + Clone,
) -> StoreResult<Vec<Option<Stamped<UserReply>>>> {
    let members = |call: &mut Cmd| {
        for person in people.clone() {
            person.add_member_to(call);
        }
    };
    let reply = calls
        .on_queue(Caller::Request, concert, &scripts::CLAIMED, members)
        .await?;
    user_requests::read_claimed(reply, people)
}
