-- Users who left, and whom the version before had not counted yet: a departure is counted at once now.
DELETE FROM queue_places WHERE phase IN (4, 5);
