-- A view under the name of a table, with rows without end.
PRAGMA application_id = 0x77676170;
PRAGMA user_version = 1;
CREATE VIEW recording AS
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
  SELECT i AS rowid, 'x' AS version FROM n;
