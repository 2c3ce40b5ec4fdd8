//! Frontrow's waiting rooms and ranking cache on Redis 7.0 or later, for any number of instances.
//!
//! # What is kept where
//! Each queue is a few keys in one slot (`keys`); each operation on it is one Lua script, which checks
//! and changes in one trip, by the clock of the server. People who ask for the same at the same time share
//! a call of it (`batches`). A user is a digest of 14 bytes there (`member`):
//! names of any length cost the same, and a million people take some 220 MB.
//!
//! # Positions
//! A position is the rank in the line. It is exact but for places past their end: they count in positions
//! and in the number of users behind until a tick removes them, which takes at most 5 s for 100,000 of them
//! (a tenth of that where Redis has nothing else to do). Users who left or were admitted count no more from
//! that very instant. So a position never grows, except in a line that takes re-entries.
//!
//! Every decision about a place asks for its own end, and so does every count that a decision rests on: how
//! many users wait, whether the line is empty, how many places are active. No request removes the places of
//! other users, waits until they are removed, or fails because of them.
//!
//! # Costs
//! A call costs the logarithm of the queue's length, whatever is past its end. No script admits more than
//! [`RedisStore::CHUNK`] users, removes more than [`RedisStore::EXPIRED_CHUNK`] places, or is about more than
//! 100 users, so none takes longer than about 5 ms; ticks say that there is more. A tick that changes nothing
//! is one call and writes its instant at most once a second, and nothing in a queue without places. Such a
//! queue keeps one hash of some 1.3 KB.
//!
//! # Formats
//! What is kept has a format, which is noted once for all keys and in each queue (`format`). A store that
//! finds another one refuses to open, and refuses each call on a queue that has another one. Queues of the
//! version before, which had no format, are converted by their next seed and go on.
//!
//! # When Redis fails
//! Every call ends in about [`RedisSettings::connect_timeout`] and [`RedisSettings::answer_timeout`]
//! together, and at once while the server is known not to answer. It begins within the same time, or never.
//! Two or three calls in a row answer some: who shows a place for the first time, and who joins first when
//! nobody was there and waits until the queue is listed as busy.
//!
//! What the server keeps is as lasting as its configuration says: with `appendfsync everysec` the last
//! second may be lost by a crash of its machine, and by a failover what the replica had not got. A server
//! that may evict keys is refused, unless it is to keep rankings alone: those can be computed again, so
//! [`RedisStore::open_cache`] takes any, there or not.
//!
//! # Files
//! - `settings`, `open_error`: how to connect, and why it may not work. `server`: what the server is.
//! - `connections`: a connection for each runtime, looked after by its own task.
//! - `batches`: who shares a call. `questions`, `people`: what is asked about whom, and what they are told.
//! - `calls`: how a script or a command runs. `listing`: the list of the busy queues. `errors`: the one
//!   place where a driver's error becomes a store's. `reply`: what a script's answer means.
//! - `format`: in which format the keys are. `keys`: every key. `scripts`, `lua/`: every script. `clock`: what time it is.
//! - `store/`: one file for each port.

mod batches;
mod clock;
mod connections;
mod errors;
mod format;
mod keys;
mod listing;
mod member;
mod open_error;
mod operations;
mod reply;
mod script_runner;
mod scripts;
mod server;
mod settings;
mod store;
mod user_requests;

pub use clock::TimeOffset;
pub use open_error::OpenError;
pub use settings::RedisSettings;
pub use store::RedisStore;
