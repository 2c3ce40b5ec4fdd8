//! Frontrow's waiting rooms and ranking cache on Redis 7.0 or later, for any number of instances.
//!
//! # Layout
//! Each queue is a few keys in one slot (`keys`). Each operation on it is one Lua script, which
//! checks and changes the queue in one round trip, by the clock of the server. Concurrent requests
//! for the same operation share a batch (`batches`). A user is stored as a digest of 14 bytes
//! (`member`): names of any length cost the same, and a million users take some 220 MB.
//!
//! # Positions
//! A position is the rank in the line. It is exact except for expired places: they count in
//! positions and in the number of users behind until a tick removes them. That takes at most 5 s
//! for 100,000 of them (a tenth of that if Redis has nothing else to do). Users who left or were
//! admitted stop counting at that instant. So a position never grows, except in a line that
//! accepts re-entries.
//!
//! Every decision about a place checks the deadline of that place. So does every count that a
//! decision rests on: how many users wait, whether the line is empty, how many places are active.
//! No request removes the places of other users, waits until they are removed, or fails because of
//! them.
//!
//! # Costs
//! The cost of a call is logarithmic in the length of the queue, however many places have expired.
//! No script admits more than [`RedisStore::CHUNK`] users or removes more than
//! [`RedisStore::EXPIRED_CHUNK`] places. A batch of requests has at most 100 users. A call that
//! records heartbeats has at most 250 of them, and a peek at most 500 tickets. So no script takes
//! longer than about 5 ms. A tick reports whether there is more to do. A tick that changes nothing
//! is one call. It writes its instant at most once a second, and writes nothing in a queue without
//! places. Such a queue keeps one hash of some 1.3 KB.
//!
//! # Formats
//! Stored data has a format number, which is recorded once for all keys and in each queue
//! (`format`). A store refuses to open on keys of another format, and refuses each call on a queue
//! of another format. The next seed of a queue converts it from the previous format, and its users
//! keep their places.
//!
//! # When Redis fails
//! Every call ends within about [`RedisSettings::connect_timeout`] plus
//! [`RedisSettings::answer_timeout`], and at once while the server is known to be unreachable. It
//! begins within the same time, or never. Some requests need two or three calls in a row: those for
//! an active place that is not claimed yet, and the first join of an idle queue, which waits until
//! the queue is listed as busy.
//!
//! Stored data is as durable as the configuration of the server: with `appendfsync everysec` a
//! crash of its machine may lose the last second of writes, and a failover loses what the replica
//! had not received. A server that may evict keys is refused, unless it keeps only rankings: those
//! can be computed again, so [`RedisStore::open_cache`] accepts any server, reachable or not.
//!
//! # Files
//! - `settings`, `open_error`: the settings, and the errors of opening a store. `server`: checks of
//!   the server.
//! - `connections`: a connection for each runtime, which a task of its own replaces after a fault.
//! - `batches`: shares calls between requests. `operations`, `user_requests`: the arguments of a
//!   script for each user, and its reply about each user.
//! - `script_runner`: runs a script or a command. `listing`: the list of busy queues. `errors`: the
//!   one place that turns errors of the driver into a `StoreError`. `reply`: parses the replies of
//!   scripts.
//! - `format`: checks the format number. `keys`: every key. `scripts`, `lua/`: every script.
//! - `store/`: one file for each port.

mod batches;
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

pub use frontrow_domain::ports::TimeOffset;
pub use open_error::RedisOpenError;
pub use settings::RedisSettings;
pub use store::RedisStore;
