"""What is wrong with an environment on Kubernetes: facts are gathered, pure checks judge them, each with a next command."""
