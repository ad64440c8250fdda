ALTER TABLE account_dates DROP COLUMN language;
