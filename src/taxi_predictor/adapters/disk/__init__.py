"""Ports that keep what they hold in local folders, such as models, results of backtests and jobs."""
