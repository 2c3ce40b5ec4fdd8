-- The policy's time after which a waiting user is absent; how many waiting places admission has passed, whose users stand
-- aside or are past their end; and until when the latter were last heard of.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'queues' AND column_name = 'aside'),
    'DO 0',
    'ALTER TABLE queues
         ADD COLUMN absent_after_us BIGINT,
         ADD COLUMN passed_ends_us BIGINT,
         ADD COLUMN aside BIGINT NOT NULL DEFAULT 0,
         ADD CONSTRAINT queues_aside CHECK (aside >= 0)');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
