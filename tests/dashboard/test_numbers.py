"""A number on a page is the API's, or SQL's, for the same question."""

from typing import Any

import httpx
import pytest

from dashboard.looking import visiting
from dashboard.town import Town

AT = "2026-11-25T19:00"
BY = "2026-11-25T19:40"


@pytest.fixture
def api(town: Town) -> Any:
    with httpx.Client(base_url=f"http://127.0.0.1:{town.api_port}", trust_env=False) as client:
        yield client


def test_a_prediction_is_the_apis(browser: Any, town: Town, api: httpx.Client) -> None:
    ends = {"from": "40.76,-73.98", "to": "40.7,-73.9"}
    with visiting(browser, town) as visitor:
        visitor.open("predict", **ends, at=AT, by=BY)
        visitor.page.wait_for_selector('[data-name="similar"]')
        shown = {name: visitor.value(name) for name in ("duration", "low", "high", "chance", "best")}
        latest = visitor.page.locator('[data-name="latest"]').get_attribute("href")
    places = {"pickup": {"lat": 40.76, "lon": -73.98}, "dropoff": {"lat": 40.7, "lon": -73.9}}
    answer = api.post("/v1/predictions", json={**places, "pickup_at": f"{AT}:00"}).raise_for_status().json()
    assert shown["duration"] == answer["duration_s"]
    assert (shown["low"], shown["high"]) == (answer["interval"]["lower_s"], answer["interval"]["upper_s"])
    question = {**places, "pickup_at": f"{AT}:00", "arrive_by": f"{BY}:00", "probability": 0.9}
    arrival = api.post("/v1/arrivals", json=question).raise_for_status().json()
    assert shown["chance"] == pytest.approx(arrival["chance"]["probability"], abs=1e-6)
    assert arrival["latest_departure"]["pickup_at"][:16].replace(":", "%3A") in latest
    day = {"pickup": "40.76,-73.98", "dropoff": "40.7,-73.9", "date": AT[:10], "every_min": "30"}
    board = api.get("/v1/departures", params=day).raise_for_status().json()
    assert shown["best"] == board["fastest"]["duration_s"]


def test_the_citys_figures_are_those_of_sql(browser: Any, town: Town) -> None:
    zone = town.container.city.time_zone
    [row] = town.fetch(
        """
        select count(*) as trips, percentile_cont(0.5) within group (order by duration_s) as median_s,
            sum(metered_distance_km) filter (where believed) * 3600 / sum(duration_s) filter (where believed)
                as speed_km_h
        from (
            select *, metered_distance_km > 0 and metered_distance_km <= 130 * duration_s / 3600 as believed
            from taxi_trips where extract(isodow from pickup_at at time zone $1) >= 6
        ) as weekend
        """,
        zone,
    )
    spot = (
        "coalesce({0}_zone::text, floor(({0}_lat_deg + 90) * 100) || ',' || floor(({0}_lon_deg + 180) * 100))"
    )
    pairs = town.fetch(
        "select count(*) as trips from taxi_trips where extract(isodow from pickup_at at time zone $1) >= 6"
        f" group by {spot.format('pickup')}, {spot.format('dropoff')} order by trips desc limit 10",
        zone,
    )
    with visiting(browser, town) as visitor:
        visitor.open("city", days="weekend")
        assert visitor.value("trips") == row["trips"]
        assert visitor.value("median") == pytest.approx(row["median_s"], rel=1e-6)
        assert visitor.value("speed") == pytest.approx(row["speed_km_h"], rel=1e-5)
        busiest = visitor.page.locator('[data-part="pairs"] table').first.locator("td[data-value]")
        shown = [int(busiest.nth(n).get_attribute("data-value")) for n in range(busiest.count())]
        assert shown == [pair["trips"] for pair in pairs]
        total = sum(
            int(text)
            for text in visitor.page.locator("table.heat td:not(:empty)").all_text_contents()
            if text
        )
        assert total == row["trips"]


def test_what_is_reached_is_what_the_api_maps(browser: Any, town: Town, api: httpx.Client) -> None:
    with visiting(browser, town) as visitor:
        visitor.open("city", start="40.76,-73.98", at=AT, within="25")
        visitor.page.wait_for_selector('[data-name="reach"]')
        shown_km2 = visitor.value("reach")
        has_zones = visitor.page.locator('[data-name="reach-zones"]').count() == 1
        zones = visitor.value("reach-zones") if has_zones else None
    question = {
        "from": {"lat": 40.76, "lon": -73.98},
        "pickup_at": f"{AT}:00",
        "within_s": [25 * 60],
        "by": "zone" if has_zones else "cell",
        "probability": 0.5,
    }
    [area] = api.post("/v1/reachable", json=question).raise_for_status().json()["features"]
    assert shown_km2 == pytest.approx(area["properties"]["area_km2"], abs=1e-3)
    assert zones in (None, len(area["properties"].get("zones", ())))


def test_what_is_stored_is_what_the_api_counts(browser: Any, town: Town, api: httpx.Client) -> None:
    stats = api.get("/v1/stats").raise_for_status().json()
    with visiting(browser, town) as visitor:
        visitor.open("data")
        visitor.page.wait_for_selector('[data-name="rejects"]')
        assert visitor.value("trips") == stats["trips"]
        assert visitor.value("rejects") == sum(stats["rejects"].values())
        added = visitor.page.locator("tr[data-added]").first.get_attribute("data-added")
    [row] = town.fetch("select added from ingests order by ingest_id desc limit 1")
    assert int(added) == row["added"]


def test_scores_are_those_that_were_registered(browser: Any, town: Town) -> None:
    async def models() -> Any:
        return await town.container.lifecycle.models()

    scores = {model.version: model.report.held_out.mae_s for model in town.call(models())}
    with visiting(browser, town, locale="es-ES") as visitor:
        visitor.open("models")
        visitor.page.wait_for_selector('[data-name="mae"]')
        rows = visitor.page.locator("tr[data-version]")
        shown = {
            int(rows.nth(n).get_attribute("data-version")): float(
                rows.nth(n).locator('[data-name="mae"]').get_attribute("data-value")
            )
            for n in range(rows.count())
        }
        assert shown == scores
