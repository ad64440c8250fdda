ALTER TABLE apps DROP COLUMN second_factor;
DROP TABLE factor_changes;
