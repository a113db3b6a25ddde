"""The service's figures, as Prometheus reads them."""
