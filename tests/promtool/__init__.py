"""The promtool tier: every rule evaluated by Prometheus' own code, every manifest against its definition."""
