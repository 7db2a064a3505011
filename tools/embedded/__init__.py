"""The servers that Socle runs on a machine that has none: PostgreSQL, Valkey, and FerretDB for MongoDB's protocol."""
