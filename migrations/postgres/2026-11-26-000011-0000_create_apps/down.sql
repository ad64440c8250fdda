DROP TABLE app_groups;
DROP TABLE apps;
DROP TABLE group_members;
DROP TABLE groups;
