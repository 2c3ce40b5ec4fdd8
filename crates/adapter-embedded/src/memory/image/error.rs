//! What can be wrong with a file of queues.

use std::io;

/// Why a file of queues cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// It does not begin as such a file does.
    #[error("it is no file of queues")]
    NotOurs,
    /// Another version of the program has written it.
    #[error("it has format {found}, and this program reads format {known}")]
    Format {
        /// The format of the file.
        found: u32,
        /// The one that this program reads.
        known: u32,
    },
    /// It was cut short or changed.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// The system cannot read it.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("it is cut short"),
            _ => Self::Io(error),
        }
    }
}
