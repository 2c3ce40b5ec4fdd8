-- What operators changed. Nothing reads it but people.
CREATE TABLE IF NOT EXISTS audit (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    at DATETIME(6) NOT NULL,
    -- The name of the admin key.
    actor VARCHAR(255) NOT NULL,
    action VARCHAR(64) NOT NULL,
    -- The id of what was changed.
    subject VARCHAR(64) NOT NULL,
    -- What was made; of an edit what changed, as {field: {from, to}}.
    detail LONGTEXT NOT NULL,
    CONSTRAINT audit_detail CHECK (JSON_VALID(detail))
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
