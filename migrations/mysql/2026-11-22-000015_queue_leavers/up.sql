-- Who has left the line of their own will, for looks at the line as a whole: the last 2,048 of a queue. A leaver's slot is
-- their number modulo that, so each takes the row of one whom nobody asks for any more, and nothing has to be tidied up.
CREATE TABLE IF NOT EXISTS queue_leavers (
    concert_id BINARY(16) NOT NULL,
    slot SMALLINT NOT NULL,
    number BIGINT NOT NULL,
    arrival BIGINT NOT NULL,
    PRIMARY KEY (concert_id, slot),
    CONSTRAINT queue_leavers_slot CHECK (slot = number % 2048)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
