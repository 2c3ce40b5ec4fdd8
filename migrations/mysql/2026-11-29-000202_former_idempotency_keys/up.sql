-- Keys from before are honoured for the account that they changed and for every operator, and never purged.
--
-- Renamed, although nothing else is: a program of the version before does not know the keys of this one, so the repeat of a
-- charge that it answered would charge again. Without its table such a program refuses charges and payments, and changes
-- nothing, until it is replaced.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.tables
            WHERE table_schema = DATABASE() AND table_name = 'idempotency_keys')
    AND NOT EXISTS (SELECT * FROM information_schema.tables
                    WHERE table_schema = DATABASE() AND table_name = 'former_idempotency_keys'),
    'RENAME TABLE idempotency_keys TO former_idempotency_keys',
    'DO 0');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
