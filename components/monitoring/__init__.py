"""Monitoring: alerting rules, dashboards, scrape targets and custom queries, as Kubernetes manifests. Pure."""
