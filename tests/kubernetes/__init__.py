"""The Kubernetes tier: the real engine, a real Kubernetes, the real CloudNativePG operator."""
