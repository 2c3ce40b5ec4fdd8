//! Backups of the database, and what becomes of everything else when one is restored.

mod books;
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
