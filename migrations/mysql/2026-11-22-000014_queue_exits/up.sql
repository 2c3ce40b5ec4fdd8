-- What leaving the line changes in a queue: one row a queue, locked by each who leaves it of their own will from the
-- count to the commit. Not in the tail or the head, so that nobody who leaves waits for joins or for ticks. Who leaves
-- an active place, as everybody does who pays, does not come here.
CREATE TABLE IF NOT EXISTS queue_exits (
    concert_id BINARY(16) NOT NULL PRIMARY KEY,
    -- How many have left; the number of the last.
    left_line BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT queue_exits_counts CHECK (left_line >= 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
