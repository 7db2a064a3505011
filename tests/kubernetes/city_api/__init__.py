"""A small real application, for tests in a cluster: it migrates its database and answers with what is in it."""
