"""What proves a restore: how far an archive goes, how far a server came, and the drill that tries it on a schedule.

It knows PostgreSQL, an S3 store in barman-cloud's layout and CloudNativePG, and nothing of Pulumi. It runs in the
cluster, in the image of `restoring/Dockerfile`.
"""
