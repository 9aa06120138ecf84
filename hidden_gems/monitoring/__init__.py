"""What is drawn and what wakes somebody: Grafana dashboards and Prometheus rules over the names of `core.metrics`."""
