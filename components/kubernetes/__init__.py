"""What every component on Kubernetes leans on: the cluster's API, manifests that many share, tasks run as Jobs."""
