DROP INDEX throttle_fails;
