"""The domain's arithmetic on columns, numpy arrays and polars expressions: shared by adapters."""
