"""Machines of a Dask cluster; of Dask, only handing out work and noticing losses is used."""
