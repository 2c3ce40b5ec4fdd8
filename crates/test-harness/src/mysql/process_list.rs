/// The connections of a server, for use after `FROM`: `id` (signed), `db`, `state` and `info`, the
/// statement.
///
/// `MariaDB` has them in `information_schema`. On MySQL, a query of that table fails (1366, "Cannot
/// convert string … from utf8mb4 to utf8mb3") while any connection executes a statement that
/// contains bytes which are not text, such as an id. Its `performance_schema.threads` has no such
/// limit, but is empty on `MariaDB` if that schema is off. Each server skips the comment that is
/// meant for the other.
pub const PROCESS_LIST: &str = "(
    /*M! SELECT CAST(id AS SIGNED) AS id, db, state, info FROM information_schema.processlist */
    /*!80000 SELECT CAST(processlist_id AS SIGNED) AS id, processlist_db AS db,
        processlist_state AS state, processlist_info AS info
    FROM performance_schema.threads WHERE processlist_id IS NOT NULL */
) AS processes";
