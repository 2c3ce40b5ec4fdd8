//! Encodes records as the bytes of a file.
//!
//! A file is [`MAGIC`], the format number (4 bytes), frames, and a CRC-32 of all that (4 bytes). A
//! frame is the length of a record (2 bytes) and the record in the format of `postcard`. The last
//! frame has the number of the other frames. Numbers are little-endian.

use std::io::{Read, Write};

use crc32fast::Hasher;

use super::{
    error::ReadError,
    records::{FORMAT, Record},
};

/// The first bytes of a queue image.
const MAGIC: &[u8; 8] = b"frqueues";
/// Maximum length of a record, in bytes. A reader never allocates more.
const LENGTH_MAX: usize = 1_024;

/// Writes a file, record by record.
pub(super) struct FrameWriter<W> {
    file: W,
    checksum: Hasher,
    count: u64,
    /// The buffer for one record.
    record: Vec<u8>,
}

impl<W: Write> FrameWriter<W> {
    /// Begins a file.
    pub(super) fn begin(file: W) -> std::io::Result<Self> {
        let mut writer = Self {
            file,
            checksum: Hasher::new(),
            count: 0,
            record: Vec::with_capacity(LENGTH_MAX),
        };
        writer.put(MAGIC)?;
        writer.put(&FORMAT.to_le_bytes())?;
        Ok(writer)
    }

    /// Writes a record.
    pub(super) fn write(&mut self, record: &Record<'_>) -> std::io::Result<()> {
        let mut bytes = std::mem::take(&mut self.record);
        bytes.clear();
        let bytes = postcard::to_extend(record, bytes).map_err(std::io::Error::other)?;
        let length = u16::try_from(bytes.len()).ok();
        let length = length.filter(|length| usize::from(*length) <= LENGTH_MAX);
        let length = length.ok_or_else(|| std::io::Error::other("a record is too long"))?;
        self.put(&length.to_le_bytes())?;
        self.put(&bytes)?;
        self.record = bytes;
        self.count += 1;
        Ok(())
    }

    /// Ends the file, and returns the writer to which it was written.
    pub(super) fn end(mut self) -> std::io::Result<W> {
        self.write(&Record::End { count: self.count })?;
        let checksum = self.checksum.clone().finalize();
        self.put(&checksum.to_le_bytes())?;
        Ok(self.file)
    }

    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.checksum.update(bytes);
        self.file.write_all(bytes)
    }
}

/// Reads a file, record by record.
pub(super) struct FrameReader<R> {
    file: R,
    checksum: Hasher,
    count: u64,
    record: Box<[u8; LENGTH_MAX]>,
}

impl<R: Read> FrameReader<R> {
    /// Reads the beginning of a file.
    pub(super) fn begin(file: R) -> Result<Self, ReadError> {
        let mut reader = Self {
            file,
            checksum: Hasher::new(),
            count: 0,
            record: Box::new([0; LENGTH_MAX]),
        };
        if reader.take::<8>()? != *MAGIC {
            return Err(ReadError::NotOurs);
        }
        let found = u32::from_le_bytes(reader.take()?);
        if found != FORMAT {
            let known = FORMAT;
            return Err(ReadError::Format { found, known });
        }
        Ok(reader)
    }

    /// Returns the next record. None at the end of a complete file.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        let length = usize::from(u16::from_le_bytes(self.take()?));
        let bytes = self.record.get_mut(..length);
        let bytes = bytes.ok_or(ReadError::Damaged("a record is too long"))?;
        self.file.read_exact(bytes)?;
        self.checksum.update(bytes);
        match postcard::take_from_bytes(bytes) {
            Ok((Record::End { count }, [])) if count == self.count => {
                let computed = self.checksum.clone().finalize();
                check_end(&mut self.file, computed).map(|()| None)
            }
            Ok((Record::End { .. }, _)) => Err(ReadError::Damaged("records are missing")),
            Ok((record, [])) => {
                self.count += 1;
                Ok(Some(record))
            }
            _ => Err(ReadError::Damaged("a record cannot be decoded")),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        self.checksum.update(&bytes);
        Ok(bytes)
    }
}

/// Checks the bytes after the last frame.
fn check_end(file: &mut impl Read, computed: u32) -> Result<(), ReadError> {
    let mut checksum = [0; 4];
    file.read_exact(&mut checksum)?;
    if u32::from_le_bytes(checksum) != computed {
        return Err(ReadError::Damaged("the checksum does not match"));
    }
    match file.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(ReadError::Damaged("there is data after its end")),
    }
}
