"""PostgreSQL: the roles, database and privileges of an application, and the branch of a pull request."""
