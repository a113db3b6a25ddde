"""The domain's arithmetic on columns: numpy arrays and polars expressions.

The one package that other adapters may import.
"""
