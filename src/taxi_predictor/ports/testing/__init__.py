"""What an adapter is held to: one contract suite per outbound port, and strategies for its values.

For tests only, ours and those of whoever writes an adapter, such as one of ZoneStore::

    class TestMyZoneStore(ZoneStoreContract):
        @asynccontextmanager
        async def open(self) -> AsyncIterator[ZoneStore]:
            yield MyZoneStore()

That is all: pytest runs the clauses. The docstring of a suite's ``open`` says what is to be yielded; suites
of ports that take many rows want to be told how tables are made, too, by
``table = staticmethod(taxi_predictor.adapters.memory.tables.table)`` for instance.
The kit needs the extra ``testing``.
"""

from importlib.util import find_spec
from pkgutil import iter_modules

if absent := [name for name in ("anyio", "hypothesis", "pytest") if find_spec(name) is None]:
    raise ModuleNotFoundError(
        f"the kit needs {' and '.join(absent)}: pip install 'taxi-predictor[testing]'", name=absent[0]
    )

import pytest

# So that a clause that fails shows the values it compared, as in a test module.
pytest.register_assert_rewrite(*(module.name for module in iter_modules(__path__, f"{__name__}.")))
