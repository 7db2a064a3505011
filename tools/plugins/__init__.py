"""Pulumi providers written in Python: Socle's own, and the stand-in for one that a closed network can't download."""

SAID = "SOCLE_STANDIN_SAID"
"""Set where the user was told already that the stand-in is used."""
