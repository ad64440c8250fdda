-- The language of mails to the owner: that of the registration or of the last login which named
-- one (`en`, `fr`).
ALTER TABLE account_dates ADD COLUMN language TEXT;
