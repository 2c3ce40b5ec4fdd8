//! The errors of a request that has no response.

use std::{error::Error, fmt};

/// The error of a request that has no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitError<E> {
    /// The request was refused before its call began: it had no effect.
    Overloaded(Overload),
    /// The call failed. Each request of the call gets this error of the executor.
    Failed(E),
    /// The call ended without a response: it panicked, its runtime ended, or the executor returned
    /// too few responses. Whether the request had an effect is unknown.
    Lost,
}

/// The reason why a request was refused before its call began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overload {
    /// The most requests are pending, and none of them is of a lower priority.
    Total,
    /// The most requests of this user are pending for this key.
    PerUser,
    /// No call began within the queue time-out.
    TimedOut,
    /// A request of a higher priority displaced this one.
    Shed,
    /// The batcher was closed, or the runtime of the call ended before the call began.
    Closed,
}

impl fmt::Display for Overload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Total => "too many requests are pending",
            Self::PerUser => "too many requests of this user are pending",
            Self::TimedOut => "no call began within the queue time-out",
            Self::Shed => "a request of a higher priority displaced it",
            Self::Closed => "the batcher was closed, or the runtime of the call ended",
        })
    }
}

impl<E: fmt::Display> fmt::Display for SubmitError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overloaded(reason) => write!(f, "not begun: {reason}"),
            Self::Failed(error) => error.fmt(f),
            Self::Lost => f.write_str("the call ended without a response"),
        }
    }
}

impl<E: Error + 'static> Error for SubmitError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            Self::Overloaded(_) | Self::Lost => None,
        }
    }
}
