//! The body of an event stream.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use actix_web::{
    body::{BodySize, MessageBody},
    web::Bytes,
};
use frontrow_domain::{
    model::queue::{EventId, Place},
    ports::Stamped,
};

use super::{
    Permit, Streams,
    line::{LineStreams, PlaceKey},
    slot::{End, Next, Slot},
    wire::{Frame, event_of},
};
use crate::http::{problem::Problem, problem_kinds::ProblemKind};

/// The events of one stream, written on the thread of its connection. It is dropped with the
/// connection.
pub(crate) struct EventBody {
    pub(super) streams: Arc<Streams>,
    pub(super) line: Arc<LineStreams>,
    pub(super) key: PlaceKey,
    pub(super) slot: Arc<Slot>,
    /// The queue token, which each event contains.
    pub(super) token: String,
    /// The last event that the client has.
    pub(super) last_event: EventId,
    /// The first bytes of the stream.
    pub(super) first: Option<Bytes>,
    pub(super) has_ended: bool,
    /// The number of the stream on this instance.
    pub(super) number: u64,
    pub(super) _permit: Permit,
}

impl EventBody {
    /// Returns the frame of a place. With `only_news`, a comment if the client already has the
    /// place.
    fn place(&mut self, place: Stamped<Place>, only_news: bool) -> Frame {
        let report = self.streams.follow.report(self.token.clone(), place);
        let (id, body) = event_of(&report);
        if only_news && !self.last_event.is_outdated_by(&id) {
            return Frame::default().comment();
        }
        self.last_event = id;
        Frame::default().place(&id, &body)
    }

    fn end(&mut self, why: End) -> Frame {
        self.has_ended = true;
        let again = self.streams.reconnect_after_ms(self.number);
        let frame = Frame::default();
        match why {
            End::Gone => frame.problem("gone", Some("gone"), &Problem::place_gone()),
            End::Superseded => {
                let problem = Problem::new(
                    ProblemKind::STREAM_SUPERSEDED,
                    "The place has the maximum number of newer streams.",
                );
                frame.retry(again).problem("superseded", None, &problem)
            }
            End::Lost | End::Slow | End::Stop => frame.retry(again),
        }
    }
}

impl MessageBody for EventBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        if self.has_ended {
            return Poll::Ready(None);
        }
        let frame = match ready!(self.slot.poll_next(context)) {
            Next::Place(place) => self.place(place, false),
            Next::KeepAlive(place) => self.place(place, true),
            Next::End(why) => self.end(why),
        };
        Poll::Ready(Some(Ok(frame.into_bytes())))
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        self.line.remove(&self.key, &self.slot);
    }
}
