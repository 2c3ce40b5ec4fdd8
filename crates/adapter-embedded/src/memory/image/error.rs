//! The errors of reading a queue image.

use std::io;

/// A queue image cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The file does not begin as a queue image does.
    #[error("it is not a queue image")]
    NotOurs,
    /// Another version of the program has written the file.
    #[error("it has format {found}, and this program reads format {known}")]
    Format {
        /// The format of the file.
        found: u32,
        /// The format that this program reads.
        known: u32,
    },
    /// The file was cut short or changed.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// The system cannot read the file.
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
