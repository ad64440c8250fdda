DROP TABLE hand_over_codes;
DROP TABLE app_sessions;
