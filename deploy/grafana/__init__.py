"""Grafana: the control room's dashboards as code, and what keeps a Grafana in step with them."""
