"""What brings a Grafana into step through its HTTP API: folder, data source, dashboards, an annotation per warning."""
