-- Says that it is a recording, but the tables are missing.
PRAGMA application_id = 0x77676170;
PRAGMA user_version = 1;
CREATE TABLE recording (version TEXT);
INSERT INTO recording VALUES ('0.1.0');
