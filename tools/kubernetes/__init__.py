"""Work inside a Kubernetes cluster, through the official client."""
