-- A database of somebody else.
CREATE TABLE places (url TEXT, visits INTEGER);
INSERT INTO places VALUES ('https://example.org/', 3);
