-- There is nothing to undo on SQLite.
SELECT 1;
