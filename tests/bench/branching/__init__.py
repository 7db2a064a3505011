"""`make bench-branching`: snapshots and branches against PostgreSQL's own means, on real servers."""
