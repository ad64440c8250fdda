ALTER TABLE throttle DROP COLUMN user_id;
