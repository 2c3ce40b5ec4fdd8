use std::sync::Arc;

use super::{Browse, LineLook, QueueBoard, QueueMissing, SharedLook};
use crate::{
    model::{ConcertId, queue::LineStatus},
    ports::StoreResult,
};

/// Shows everybody the state of a line.
pub struct ShowLine {
    /// Looks at the lines, for all who ask.
    pub look: Arc<SharedLook>,
    /// Knows the policies' limits in time and the admission windows.
    pub board: Arc<QueueBoard>,
    /// Knows which concerts there are.
    pub browse: Arc<Browse>,
}

/// What came of asking for a line.
#[derive(Debug, Clone)]
pub enum LineAnswer {
    /// The newest look at it.
    Seen(LineLook),
    /// The store has no such queue.
    Missing(QueueMissing),
}

impl ShowLine {
    /// Looks at the line of `concert`, for many at once.
    ///
    /// # Errors
    /// When the queues' store fails, or the database where this instance does not know the concert.
    pub async fn look(&self, concert: ConcertId) -> StoreResult<LineAnswer> {
        if self.board.view(concert).is_none() {
            if self.browse.concert(concert).await?.is_none() {
                return Ok(LineAnswer::Missing(QueueMissing::NoSuchConcert));
            }
            // The concert is over, or another instance has just made it.
            self.board.want(concert);
            return Ok(LineAnswer::Missing(QueueMissing::NotReady));
        }
        let look = self.look.line(concert).await?;
        Ok(if look.line().is_some() {
            LineAnswer::Seen(look)
        } else {
            LineAnswer::Missing(self.board.missing(concert))
        })
    }

    /// The status that a look shows. None where the store had no such queue.
    #[must_use]
    pub fn status(&self, concert: ConcertId, look: &LineLook) -> Option<LineStatus> {
        let line = look.line()?;
        let (throughput, window) = self.board.pace(concert);
        Some(LineStatus::of(line, look.as_of(), throughput, window))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        ports::{LineOutcome, MockConcerts, MockQueue, MockWaitingLine, StoreError},
        use_cases::testing::*,
    };

    /// A store that is looked at once, and answers so.
    fn show(outcome: StoreResult<LineOutcome>) -> ShowLine {
        let mut line = MockWaitingLine::new();
        line.expect_look()
            .once()
            .return_once(move |_, _| outcome.map(stamped));
        show_line(line)
    }

    fn show_line(line: MockWaitingLine) -> ShowLine {
        let mut concerts = MockConcerts::new();
        concerts.expect_catalogue().returning(|_| Ok(catalogue([])));
        concerts.expect_concert().returning(|_, _| Ok(None));
        ShowLine {
            look: Arc::new(SharedLook::new(
                Arc::new(MockQueue::new()),
                Arc::new(line),
                clock(100),
                10,
                Duration::from_secs(15),
            )),
            board: board(),
            browse: Arc::new(Browse::new(Arc::new(concerts), clock(100))),
        }
    }

    #[tokio::test]
    async fn many_are_shown_one_look() {
        let show = show(Ok(LineOutcome::Seen(line())));
        for _ in 0..3 {
            let LineAnswer::Seen(look) = show.look(CONCERT).await.unwrap() else {
                panic!("the line is there");
            };
            let status = show.status(CONCERT, &look).unwrap();
            assert_eq!(status.as_of, look.as_of());
            assert_eq!(status.waiting, line().waiting);
            assert_eq!(status.passed, line().admitted);
        }
    }

    #[tokio::test]
    async fn a_queue_that_the_store_lacks_is_given_to_it() {
        let show = show(Ok(LineOutcome::NotSeeded));
        let answer = show.look(CONCERT).await.unwrap();
        assert!(matches!(
            answer,
            LineAnswer::Missing(QueueMissing::NotReady)
        ));
        assert_eq!(show.board.take_wanted(), [CONCERT].into());
    }

    #[tokio::test]
    async fn of_an_unknown_concert_the_store_is_not_asked() {
        let mut show = show_line(MockWaitingLine::new());
        show.board = unknowing_board();
        let answer = show.look(CONCERT).await.unwrap();
        assert!(matches!(
            answer,
            LineAnswer::Missing(QueueMissing::NoSuchConcert)
        ));
    }

    #[tokio::test]
    async fn a_store_that_fails_is_an_error() {
        let down = StoreError::not_applied("down");
        let show = show(Err(down.clone()));
        assert_eq!(show.look(CONCERT).await.unwrap_err(), down);
    }
}
