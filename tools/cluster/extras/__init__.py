"""What the cluster has when it is asked for: each takes minutes to build."""
