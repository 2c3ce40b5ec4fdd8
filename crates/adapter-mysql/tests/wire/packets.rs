//! The packets of the protocol: three bytes of length, one of sequence, and a payload. A command of
//! the client begins a new sequence.

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
/// An end of columns is so short; an end of rows may be longer.
const END_OF_COLUMNS_BYTES_MAX: usize = 5;

/// What a client wants.
pub(super) enum Command {
    /// To run a statement.
    Run(String),
    /// To have a statement prepared.
    Prepare(String),
    /// To run what was prepared under this id.
    RunPrepared(u32),
}

/// How many rows came of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Answer {
    /// Rows that it gave.
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

    /// Runs a statement of one's own on this connection of the adapter's, and gives its rows.
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
    /// A statement to be run.
    fn run(statement: &str) -> Self {
        let length = u32::try_from(statement.len() + 1).unwrap().to_le_bytes();
        let mut bytes = [length[0], length[1], length[2], 0, RUN_TEXT].to_vec();
        bytes.extend(statement.as_bytes());
        Self(bytes)
    }

    fn payload(&self) -> &[u8] {
        &self.0[HEADER_BYTES..]
    }

    /// What kind of packet it is; none of an empty one.
    fn kind(&self) -> Option<u8> {
        self.payload().first().copied()
    }

    /// Whether it is the last of an answer with columns.
    fn ends(&self) -> bool {
        matches!(self.kind(), Some(END | ERROR))
    }

    /// What a client wants with it; none where that matters to nobody here, or where it goes on with something.
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

    /// The id that a server gives to a statement in its answer.
    pub(super) fn prepared(&self) -> Option<u32> {
        let (kind, rest) = self.payload().split_first()?;
        id(rest).filter(|_| *kind == OK)
    }

    /// The columns of a row of text.
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

/// A number as packets have it, and what comes after it.
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
    /// Which of the packets are rows.
    rows: Range<usize>,
    /// How many rows were written.
    changed: u64,
}

impl Reply {
    /// Reads it to its end.
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
        // Only where the client has not agreed to do without, there is an end of the columns as well.
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
