"""Looks at a cluster and writes down what is there; nothing in it is changed. What can't be looked at is said so."""
