//! Backups of the database, and the effects of a restore on everything else.

mod binary_log;
mod by_hand;
mod content;
mod copies;
mod damage;
mod drill;
mod folder;
mod keys;
mod lost_queues;
mod mysql_copy;
mod mysql_dump;
mod mysql_queue;
mod rankings;
mod redis_ahead;
mod restores;
