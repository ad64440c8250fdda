DROP TABLE account_dates;
