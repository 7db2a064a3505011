"""The data plane: masked snapshots of an application's live database, and a branch of one for each pull request.

It knows PostgreSQL 15 to 18 and nothing of Pulumi; DESIGN.md section 5 gives the rules that it keeps.

- `branching.snapshot.build` makes a snapshot; `branching.branch` makes, resets and drops branches;
- `branching.inventory.survey` lists both; `branching.checksum.of_database` proves that a database did not change;
- `python -m branching` is the same by hand.
"""
