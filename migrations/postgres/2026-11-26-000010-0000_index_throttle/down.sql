DROP INDEX throttle_fails;
ALTER TABLE throttle ALTER COLUMN key TYPE VARCHAR(160) COLLATE "default";
