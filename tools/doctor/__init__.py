"""What is wrong with an environment on Kubernetes: facts are gathered, and pure checks say what to type next."""
