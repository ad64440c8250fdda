DROP TABLE known_clients;
DROP TABLE throttle;
