"""What an adapter is held to: one contract suite per outbound port, and strategies for its values.

For tests only, ours and those of whoever writes an adapter; it needs pytest and Hypothesis.
"""

import pytest

# So that a clause that fails shows the values it compared, as in a test module.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in (
            "access",
            "answers",
            "backtests",
            "clock",
            "duration_model",
            "ingest_log",
            "jobs",
            "machines",
            "model_registry",
            "model_shelf",
            "plans",
            "progress",
            "quarantine",
            "scoring",
            "signals",
            "telemetry",
            "trip_archive",
            "trip_erasure",
            "trip_scratch",
            "trip_source",
            "trip_statistics",
            "trip_store",
            "zone_store",
        )
    )
)
