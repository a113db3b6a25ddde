"""What lies in local folders: the shelf that models are served from, and results of backtests."""
