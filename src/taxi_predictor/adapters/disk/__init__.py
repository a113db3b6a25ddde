"""What lies in local folders: models that are served, results of backtests, API keys as of an instant."""
