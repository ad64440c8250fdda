-- What the mails have now can be read by no version of before: there is nothing to take back.
SELECT 1;
