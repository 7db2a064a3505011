"""MongoDB's protocol for an application: FerretDB on the application's own PostgreSQL database."""
