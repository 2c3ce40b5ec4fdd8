-- What operators changed. Nothing reads it but people.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    -- The name of the admin key.
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    -- The id of what was changed.
    subject TEXT NOT NULL,
    -- What was made; of an edit what changed, as {field: {from, to}}.
    detail TEXT NOT NULL CHECK (json_valid(detail))
) STRICT;
