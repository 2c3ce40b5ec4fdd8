//! The packets of the protocol: three bytes of length, one byte of sequence, and a payload. A
//! command of the client begins a new sequence.

use std::{io, ops::Range};

use futures_util::StreamExt;
use tokio::{
    io::AsyncWriteExt,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

const HEADER_BYTES: usize = 4;
const RUN_TEXT: u8 = 0x03;
const PREPARE: u8 = 0x16;
const RUN_PREPARED: u8 = 0x17;
const OK: u8 = 0x00;
const END: u8 = 0xfe;
const ERROR: u8 = 0xff;
/// Maximum payload of a packet that ends the columns. One that ends the rows may be longer.
const END_OF_COLUMNS_BYTES_MAX: usize = 5;

/// A client's command.
pub(super) enum Command {
    /// Run a statement.
    Run(String),
    /// Prepare a statement.
    Prepare(String),
    /// Run the statement that was prepared under this id.
    RunPrepared(u32),
}

/// Numbers of rows in the answer to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Answer {
    /// Rows that it returned.
    pub(crate) returned: u64,
    /// Rows that it wrote.
    pub(crate) changed: u64,
}

/// One side of a connection, packet by packet.
pub(crate) struct Side {
    packets: FramedRead<OwnedReadHalf, LengthDelimitedCodec>,
    to: OwnedWriteHalf,
}

impl Side {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let (from, to) = stream.into_split();
        let packets = LengthDelimitedCodec::builder()
            .little_endian()
            .length_field_length(3)
            .length_adjustment(4)
            .num_skip(0)
            .new_read(from);
        Ok(Self { packets, to })
    }

    pub(super) async fn next(&mut self) -> io::Result<Packet> {
        let next = self.packets.next().await;
        let bytes = next.ok_or(io::ErrorKind::UnexpectedEof)??;
        Ok(Packet(bytes.to_vec()))
    }

    pub(super) async fn send(&mut self, packet: &Packet) -> io::Result<()> {
        self.to.write_all(&packet.0).await
    }

    /// Runs a statement of the test on this connection of the adapter. Returns its rows.
    pub(crate) async fn ask(&mut self, statement: &str) -> io::Result<Vec<Vec<String>>> {
        self.send(&Packet::run(statement)).await?;
        let reply = Reply::from(self).await?;
        Ok(reply.packets[reply.rows]
            .iter()
            .map(Packet::texts)
            .collect())
    }
}

pub(super) struct Packet(Vec<u8>);

impl Packet {
    /// Returns the command that runs `statement`.
    fn run(statement: &str) -> Self {
        let length = u32::try_from(statement.len() + 1).unwrap().to_le_bytes();
        let mut bytes = [length[0], length[1], length[2], 0, RUN_TEXT].to_vec();
        bytes.extend(statement.as_bytes());
        Self(bytes)
    }

    fn payload(&self) -> &[u8] {
        &self.0[HEADER_BYTES..]
    }

    /// Returns the first byte of the payload. None if the payload is empty.
    fn kind(&self) -> Option<u8> {
        self.payload().first().copied()
    }

    /// Returns true if it is the last packet of an answer with columns.
    fn ends(&self) -> bool {
        matches!(self.kind(), Some(END | ERROR))
    }

    /// Returns the command of a client. None for other commands, and for a packet that continues a
    /// command.
    pub(super) fn command(&self) -> Option<Command> {
        let begins = self.0[HEADER_BYTES - 1] == 0;
        let (kind, rest) = self.payload().split_first().filter(|_| begins)?;
        let text = || String::from_utf8_lossy(rest).into_owned();
        match *kind {
            RUN_TEXT => Some(Command::Run(text())),
            PREPARE => Some(Command::Prepare(text())),
            RUN_PREPARED => id(rest).map(Command::RunPrepared),
            _ => None,
        }
    }

    /// Returns the id that the server's answer gives to a prepared statement.
    pub(super) fn prepared(&self) -> Option<u32> {
        let (kind, rest) = self.payload().split_first()?;
        id(rest).filter(|_| *kind == OK)
    }

    /// Returns the columns of a row of text.
    fn texts(&self) -> Vec<String> {
        let mut rest = self.payload();
        let mut texts = Vec::new();
        while !rest.is_empty() {
            let (length, text) = number(rest);
            let (text, more) = text.split_at(usize::try_from(length).unwrap());
            texts.push(String::from_utf8_lossy(text).into_owned());
            rest = more;
        }
        texts
    }
}

/// Returns the length-encoded number at the start of `bytes`, and the bytes after it.
fn number(bytes: &[u8]) -> (u64, &[u8]) {
    let width = match bytes[0] {
        0xfc => 2,
        0xfd => 3,
        0xfe => 8,
        small => return (small.into(), &bytes[1..]),
    };
    let (digits, rest) = bytes[1..].split_at(width);
    let mut whole = [0; 8];
    whole[..width].copy_from_slice(digits);
    (u64::from_le_bytes(whole), rest)
}

fn id(bytes: &[u8]) -> Option<u32> {
    let id = bytes.first_chunk()?;
    Some(u32::from_le_bytes(*id))
}

/// The whole answer to a statement.
pub(super) struct Reply {
    pub(super) packets: Vec<Packet>,
    /// The packets that are rows.
    rows: Range<usize>,
    /// Number of rows written.
    changed: u64,
}

impl Reply {
    /// Reads an answer to its end.
    pub(super) async fn from(server: &mut Side) -> io::Result<Self> {
        let first = server.next().await?;
        let columns = match first.kind() {
            None | Some(ERROR) => None,
            Some(OK) => {
                let (changed, _) = number(&first.payload()[1..]);
                return Ok(Self::without_rows(first, changed));
            }
            Some(_) => Some(number(first.payload()).0),
        };
        let Some(columns) = columns else {
            return Ok(Self::without_rows(first, 0));
        };
        let mut packets = vec![first];
        for _ in 0..columns {
            packets.push(server.next().await?);
        }
        let mut packet = server.next().await?;
        // The server sends an end of the columns unless the client has agreed to do without it.
        if packet.ends() && packet.payload().len() <= END_OF_COLUMNS_BYTES_MAX {
            packets.push(packet);
            packet = server.next().await?;
        }
        let start = packets.len();
        while !packet.ends() {
            packets.push(packet);
            packet = server.next().await?;
        }
        let rows = start..packets.len();
        packets.push(packet);
        Ok(Self {
            packets,
            rows,
            changed: 0,
        })
    }

    fn without_rows(packet: Packet, changed: u64) -> Self {
        Self {
            packets: vec![packet],
            rows: 0..0,
            changed,
        }
    }

    pub(super) fn answer(&self) -> Answer {
        Answer {
            returned: self.rows.len() as u64,
            changed: self.changed,
        }
    }
}
