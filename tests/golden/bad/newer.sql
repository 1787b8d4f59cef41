-- A recording of a schema that does not exist yet: whatever is in it, it is refused by its number.
PRAGMA application_id = 0x77676170;
PRAGMA user_version = 99;
CREATE TABLE recording (hologram BLOB);
