DROP INDEX users_email_order;
