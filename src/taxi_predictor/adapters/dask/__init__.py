"""Machines of a Dask cluster, of which only what hands out work and notices losses is used."""
