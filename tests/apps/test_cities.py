"""Cities come from TOML: those that are shipped, and anybody's."""

from datetime import date, timedelta
from pathlib import Path

import holidays
import pytest

from taxi_predictor.apps.cities import load_city, shipped_cities
from taxi_predictor.apps.cities.holidays import holidays_of
from taxi_predictor.domain.errors import InvalidCity, UnknownCity
from taxi_predictor.domain.place import Point
from taxi_predictor.domain.plausibility import EARLIEST, LATEST

BILBAO = """
name = "bilbao"
time_zone = "Europe/Madrid"
holidays = "ES-PV"
street_angle_deg = 12.5

[bounds]
south_deg = 43.20
west_deg = -3.10
north_deg = 43.40
east_deg = -2.80

[plausibility]
max_duration_s = 5400.0
"""


@pytest.mark.parametrize("name", shipped_cities())
def test_every_shipped_city_loads_with_its_holidays(name: str) -> None:
    city = load_city(name)
    assert city.name == name
    assert date(2024, 7, 4) in city.holidays
    assert all(airport.point in city.bounds for airport in city.airports)


@pytest.mark.parametrize("name", shipped_cities())
def test_the_holidays_of_every_promised_year_are_known(name: str) -> None:
    """By the rules of US law, 5 U.S.C. 6103, which both cities' holidays include."""
    known = set(load_city(name).holidays)
    for year in range(EARLIEST.year, LATEST.year):
        november, may = date(year, 11, 1), date(year, 5, 31)
        first_thursday = november + timedelta(days=(3 - november.weekday()) % 7)
        expected = {
            date(year, 1, 1),
            may - timedelta(days=may.weekday()),  # Memorial Day: the last Monday
            date(year, 7, 4),
            first_thursday + timedelta(weeks=3),  # Thanksgiving: the fourth Thursday
            date(year, 12, 25),
        }
        for day in (date(year, 7, 4), date(year, 12, 25)):
            if day.weekday() == 6:
                expected.add(day + timedelta(days=1))  # a Sunday's is observed on Monday
        assert expected <= known, year
    # What the last days of the last year are near.
    assert date(LATEST.year, 1, 1) in known


@pytest.mark.parametrize("code", ["US-NY", "ES-PV", "GBR", "GU"])  # Guam's calendar is made of the US one
def test_a_country_alone_has_the_holidays_that_it_has_among_all(code: str) -> None:
    country, _, part = code.partition("-")
    years = range(2020, 2030)
    expected = holidays.country_holidays(country, subdiv=part or None, years=years)
    assert holidays_of(code, years) == tuple(sorted(expected))


def test_a_city_of_ones_own_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "bilbao.toml").write_text(BILBAO)
    city = load_city(str(tmp_path / "bilbao.toml"))
    assert city.tz.key == "Europe/Madrid"
    assert Point(43.26, -2.93) in city.bounds
    assert date(2024, 7, 25) in city.holidays  # Saint James, in the Basque Country that year
    assert city.plausibility.max_duration_s == 5400
    assert city.plausibility.min_duration_s == 60


def test_a_name_that_is_neither_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownCity, match="chicago, new-york"):
        load_city("gotham")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('time_zone = "Europe/Atlantis"', "time zone"),
        ('holidays = "XX"', "holidays"),
        ("street_angel_deg = 3", "street_angel_deg"),
        ("street_angle_deg = 'steep'", "street_angle_deg"),
        ("name = ", "bilbao.toml"),
    ],
)
def test_a_file_that_describes_no_city_is_refused(tmp_path: Path, line: str, complaint: str) -> None:
    key = line.split()[0]
    kept = [kept for kept in BILBAO.splitlines() if not kept.startswith(f"{key} ")]
    (tmp_path / "bilbao.toml").write_text("\n".join([line, *kept]))
    with pytest.raises(InvalidCity, match=complaint):
        load_city(str(tmp_path / "bilbao.toml"))
