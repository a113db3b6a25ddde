"""LightGBM itself, imported without the libraries that it only adapts to.

Where scikit-learn, pandas or Dask are installed, LightGBM imports them to offer wrappers that nobody
here uses: three of the four seconds that a serving process would take to start.
"""

import os
import sys

__all__ = ["lightgbm"]

# A thread that waits for another by spinning takes the core that the other needs: on two busy cores
# training was eight times slower than on one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_UNUSED = ("dask", "matplotlib", "pandas", "sklearn")

_hidden = [name for name in _UNUSED if name not in sys.modules]
for _name in _hidden:
    sys.modules[_name] = None  # type: ignore[assignment] # how Python is told that there is no such module
try:
    import lightgbm
finally:
    for _name in _hidden:
        del sys.modules[_name]
