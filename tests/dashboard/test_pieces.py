"""What pages are made of, without a browser: words, places, pictures."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from string import Formatter

import pytest

from taxi_predictor.adapters.baselines.forest import SeedForest
from taxi_predictor.adapters.baselines.lookups import GlobalMedian, OdMedian, ShrunkLookup
from taxi_predictor.adapters.panel.charts.atlas import Atlas
from taxi_predictor.adapters.panel.charts.bars import Bar, diverging_bars, plain_bars
from taxi_predictor.adapters.panel.charts.live import course_picture, drift_picture, standing_picture
from taxi_predictor.adapters.panel.charts.models import baselines_picture, coverage_picture, errors_picture
from taxi_predictor.adapters.panel.charts.plot import Plot
from taxi_predictor.adapters.panel.charts.scale import Scale, round_ticks
from taxi_predictor.adapters.panel.gazetteer import Gazetteer
from taxi_predictor.adapters.panel.markup import filled, link
from taxi_predictor.adapters.panel.pages.city import filter_of
from taxi_predictor.adapters.panel.pages.data import Gap, gaps
from taxi_predictor.adapters.panel.pages.live_model import model_piece
from taxi_predictor.adapters.panel.pages.models import version_piece
from taxi_predictor.adapters.panel.pages.page import Visit, trouble
from taxi_predictor.adapters.panel.words import LANGUAGES, Words, catalogue
from taxi_predictor.domain.errors import Invalid, InvalidTrip, Unavailable, UnknownZone
from taxi_predictor.domain.explanation import Cause
from taxi_predictor.domain.features import FEATURE_NAMES
from taxi_predictor.domain.live import FeatureDrift
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.reference import PREDICTION, UNCOMPARED, Measure
from taxi_predictor.domain.signals import Alarm, Lately, LevelNow, LiveBand, LiveQuality, Rates
from taxi_predictor.domain.slices import REGION_NAMES
from taxi_predictor.domain.traffic import Window
from taxi_predictor.domain.verdict import Check, Verdict
from taxi_predictor.ports.outbound.journal import Deed
from taxi_predictor.ports.outbound.registry import ModelReport, RegisteredModel
from taxi_predictor.ports.testing.samples import a_report, an_artifact
from taxi_predictor.ports.testing.strategies import A_CITY

RING = [[-74.0, 40.7], [-73.9, 40.7], [-73.9, 40.8], [-74.0, 40.8], [-74.0, 40.7]]
SQUARE = json.dumps({"type": "Polygon", "coordinates": [RING]})


def a_zone(number: int, name: str, *, outline: str | None = SQUARE) -> Zone:
    return Zone(id=ZoneId(number), name=name, borough="here", centroid=Point(40.75, -73.95), outline=outline)


ZONES = ZoneTable({z.id: z for z in (a_zone(1, "Corona"), a_zone(2, "Corona"), a_zone(3, "Times Sq"))})


NAMED = ("alarm.", "baseline.", "check.", "slice.")
ROOT = Path(__file__).parents[2]
DOCS, RULES = ROOT / "docs", ROOT / "deploy" / "prometheus" / "rules"


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_language_says_the_same_things() -> None:
    """All but the names that the core gives, which are English where nobody translated them."""
    catalogues = {name: catalogue(name) for name in LANGUAGES}
    english = {key: names_in(text) for key, text in catalogues["en"].items()}
    for texts in catalogues.values():
        said = {key: names_in(text) for key, text in texts.items() if not key.startswith(NAMED)}
        assert said == {key: names for key, names in english.items() if not key.startswith(NAMED)}


def test_every_alarm_is_said_in_spanish_too() -> None:
    """The summary of a rule is English, and stands behind it."""
    rules = {name for file in RULES.glob("*.yml") for name in re.findall(r"alert: (\w+)", file.read_text())}
    spoken = {key.removeprefix("alarm.") for key in catalogue("es") if key.startswith("alarm.")}
    assert spoken == rules - {"Watchdog"}  # is there to be heard, and is shown nowhere
    alarm = Alarm(name="ApiDown", severity="critical", summary="No process of the API can be reached.")
    shown = {
        language: filled("live_alarms", words=Words(language), alarms=[(alarm, None)], ringing=[alarm])
        for language in LANGUAGES
    }
    assert all(alarm.summary in html for html in shown.values())
    assert "nadie recibe una predicción" in shown["es"]


def test_every_check_of_the_gate_is_said_in_spanish_before_what_it_found(tmp_path: Path) -> None:
    """What was found is kept in English, in words that were made with the verdict; the names are stable."""
    page = (DOCS / "gate.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    asked = {name for row in rows for name in re.findall("`(.+?)`", row)}
    assert {key.removeprefix("check.") for key in catalogue("es") if key.startswith("check.")} == asked
    checks = (Check("size", True, "9 MB"), Check("data-age", False, "9 days"), Check("of later", False, "no"))
    report = replace(a_report(), verdict=Verdict.of(checks, artifact="0"))
    spanish, english = (verdict_shown(report, language, tmp_path) for language in ("es", "en"))
    for html in spanish:
        assert '¿Son recientes sus datos? <span lang="en">9 days</span>' in html
        assert '<span lang="en">no</span>' in html  # a name that this release does not know
    for html in english:
        assert '<span lang="en">9 days</span>' in html
        assert "¿" not in html


def test_a_verdict_of_an_earlier_release_is_shown_as_it_was_written(tmp_path: Path) -> None:
    report = replace(a_report(), verdict=Verdict(passed=False, reasons=("too few trips",)))
    for html in verdict_shown(report, "es", tmp_path):
        assert '<span lang="en">too few trips</span>' in html


def verdict_shown(report: ModelReport, language: str, folder: Path) -> tuple[str, str]:
    """Beside the version, and to whoever wants to promote it all the same."""
    visit = Visit(words=Words(language), query={})
    model = RegisteredModel(
        version=ModelVersion(1),
        manifest=an_artifact(folder).manifest,
        report=report,
        aliases=frozenset(),
        registered_at=datetime(2024, 3, 1, tzinfo=UTC),
    )
    row = {"model": model, "aliases": [], **dict.fromkeys(("look", "compare", "until", "trips"), "")}
    row |= dict.fromkeys(("mae", "bias", "mape", "coverage"), "")
    asked = {"rows": [row], "chosen": 1, "other": None, "may_act": True, "can_roll_back": False}
    return str(version_piece(model, None, visit)), str(filled("models_versions", words=visit.words, **asked))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_core_is_translated(language: str) -> None:
    texts = catalogue(language)
    assert {f"cause.{cause.name.lower()}" for cause in Cause} <= texts.keys()
    assert {f"reason.{reason.value}" for reason in Rejection} <= texts.keys()
    assert {f"deed.{deed.value}" for deed in Deed} <= texts.keys()
    compared = {*FEATURE_NAMES, PREDICTION} - set(UNCOMPARED)
    assert {f"feature.{name}" for name in compared} <= texts.keys()
    assert {f"measure.{measure.value}" for measure in Measure} <= texts.keys()


def test_slices_by_place_are_said_in_spanish() -> None:
    regions = {f"slice.pickup {name}" for names in REGION_NAMES for name in names}
    assert regions <= catalogue("es").keys()
    report = a_report()
    borough = replace(report, slices={"pickup in Queens": report.held_out})
    assert "origen: Queens" in errors_picture(borough, None, Words("es"))
    assert "pickup in Queens" in coverage_picture(borough, Words("en"))


def test_simple_methods_are_said_in_spanish() -> None:
    methods = {each.name for each in (GlobalMedian, OdMedian, SeedForest, ShrunkLookup)}
    spoken = {key.removeprefix("baseline.") for key in catalogue("es") if key.startswith("baseline.")}
    assert spoken == methods
    assert "tablas suavizadas" in str(baselines_picture(a_report(), Words("es")))
    assert "shrunk lookup" in str(baselines_picture(a_report(), Words("en")))


def test_numbers_times_and_durations_are_written_as_each_language_does() -> None:
    english, spanish = Words("en"), Words("es")
    assert english.number(1234.5, 1) == "1,234.5"
    assert spanish.number(1234.5, 1) == "1\N{NARROW NO-BREAK SPACE}234,5"
    assert english.number(-0.04, 1, signed=True) == "0.0"
    assert spanish.percent(0.805, 1) == "80,5\N{NO-BREAK SPACE}%"
    assert [english.duration(s) for s in (42, 762, 3161.8, 3900)] == [
        "42 s",
        "12 min 42 s",
        "53 min",
        "1 h 05 min",
    ]
    assert english.change(-90) == "\N{MINUS SIGN}1 min 30 s"
    assert spanish.instant(datetime(2024, 3, 1, 8, 5)) == "vie 1 mar 2024 08:05"  # noqa: DTZ001 # on the wall
    assert Words("fr").language == "en"


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_thing_is_not_several(language: str) -> None:
    words = Words(language)
    for key in catalogue(language):
        if key.endswith("-one"):
            one, none, many = (words.count(key.removesuffix("-one"), number) for number in (1, 0, 1234))
            assert one == words(key, count=1)
            assert none.replace("0", words.number(1234)) == many
            assert none.replace("0", "1") != one
    assert Words("es").count("city.trips", 1) == "1 viaje"


def test_a_place_is_found_by_name_part_id_airport_or_point() -> None:
    places = Gazetteer(A_CITY, ZONES)
    airport = A_CITY.airports[0]
    assert places.find("times sq").zone == 3
    assert places.find("times").zone == 3
    assert places.find("Corona (2)").zone == 2
    assert places.find("2").zone == 2
    assert places.find(airport.name).point == airport.point
    assert places.find(" 40.75, -73.9 ").point == Point(40.75, -73.9)
    for text in (*places.choices, "40.75000,-73.90000"):
        assert places.name(places.find(text)) == text
    with pytest.raises(UnknownZone):
        places.find("Atlantis")
    with pytest.raises(InvalidTrip):
        places.find("95,0")


def test_the_map_draws_zones_where_they_are() -> None:
    atlas = Atlas(A_CITY, ZONES)
    left, top = atlas.xy(Point(40.8, -74.0))
    right, bottom = atlas.xy(Point(40.7, -73.9))
    assert f"M{left:.0f} {bottom:.0f}" in atlas.svg("a map")
    # A degree of longitude is shorter than one of latitude, by the cosine of the latitude.
    assert (right - left) / (bottom - top) == pytest.approx(0.758, abs=0.01)
    assert atlas.svg("a map").count("data-zone=") == 3


def test_names_do_not_become_markup() -> None:
    evil = ZoneTable({ZoneId(1): a_zone(1, "<script>alert(1)</script>")})
    assert "<script>" not in Atlas(A_CITY, evil).svg('"><script>')
    assert "<script>" not in plain_bars([Bar(name="<script>", value=1, text="<script>")], label="<script>")
    assert "<script>" not in trouble(Unavailable("<script>"), Words("en"))


def test_bars_are_as_long_as_their_values() -> None:
    widths = re.findall(
        r"left:([\d.]+)%;width:([\d.]+)%",
        diverging_bars([Bar(name="a", value=60, text=""), Bar(name="b", value=-30, text="")], label=""),
    )
    assert widths == [("50.0", "50.0"), ("25.0", "25.0")]
    assert "left:80.0%" in plain_bars(
        [Bar(name="a", value=1, text="", mark=0.9)], label="", low=0.5, high=1.0
    )


def test_ticks_are_round_and_a_scale_ends_at_its_ends() -> None:
    assert round_ticks(0, 47) == [0, 10, 20, 30, 40]
    assert round_ticks(0, 0.9, at_most=5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    assert [Scale(10, 20).percent(value) for value in (5, 10, 15, 99)] == [0, 0, 50, 100]


def test_a_plot_says_in_words_what_it_shows() -> None:
    plot = Plot(Scale(0, 10), Scale(0, 10), label="a line that rises")
    plot.line([(0, 0), (10, 10)], "curve")
    assert 'role="img" aria-label="a line that rises"' in plot.html()
    assert 'points="0,100 100,0"' in plot.html()


def test_gaps_are_days_between_days() -> None:
    days = [date(2024, 1, day) for day in (1, 2, 5, 6, 8)]
    assert gaps(days) == [Gap(date(2024, 1, 3), date(2024, 1, 4)), Gap(date(2024, 1, 7), date(2024, 1, 7))]
    assert gaps(days)[0].days == 2
    assert gaps([]) == []


def test_an_address_is_read_strictly() -> None:
    def read(**query: str) -> Window:
        return filter_of(Visit(words=Words("en"), query=query)).window

    assert read(first="2024-01-02", days="weekend", source="a") == Window(
        first=date(2024, 1, 2), is_weekend=True, family="a"
    )
    for wrong in (
        {"first": "soon"},
        {"days": "holidays"},
        {"hour": "24"},
        {"first": "2024-02-01", "last": "2024-01-01"},
    ):
        with pytest.raises(Invalid):
            read(**wrong)


def test_a_link_keeps_the_state_and_changes_what_it_is_for() -> None:
    assert link({"lang": "es", "hour": "8"}, hour="9", first=None) == "?lang=es&hour=9"
    assert link({}, hour=None) == "?"


def a_step(minute: int, p95_s: float | None) -> Lately:
    until = datetime(2024, 3, 1, 8, minute, tzinfo=UTC)
    rates = Rates(requests_per_s=1.0, failed=None, p95_s=p95_s)
    return Lately(until=until, over_s=60.0, rates=rates, degraded=None)


def test_a_course_breaks_where_there_is_nothing_to_tell() -> None:
    steps = [a_step(minute, p95_s) for minute, p95_s in enumerate((0.1, 0.2, None, 0.1, 0.3), 1)]
    picture = course_picture(
        steps, lambda step: step.rates.p95_s, label="so long", text=str, least=0.02, tz=UTC
    )
    lines = re.findall(r'<polyline class="curve" points="([^"]+)"', picture)
    assert [len(line.split()) for line in lines] == [2, 2]
    nothing = course_picture(steps, lambda step: step.degraded, label="", text=str, least=0.1, tz=UTC)
    assert "polyline" not in nothing


def test_a_measure_stands_where_it_is_between_its_bounds() -> None:
    def drawn(value: float, *, is_out: bool = False) -> str:
        return standing_picture(
            "Bias", "bias", value, lower=-100.0, upper=100.0, is_out=is_out, words=Words("en"), text=str
        )

    middle, beyond = drawn(0.0), drawn(400.0, is_out=True)
    assert 'class="standing-at" style="left:50.0%"' in middle
    assert 'class="standing-at" style="left:100.0%"' in beyond
    assert 'class="standing out"' in beyond
    assert 'aria-label="Bias: 0.0, -100.0 to 100.0"' in middle


def drifted(psi: float, *, trips: int) -> FeatureDrift:
    return FeatureDrift(feature="weekday", psi=psi, wasserstein=0.2, trips=trips)


def styles(html: str) -> list[str]:
    return re.findall(r'<li class="bar-row (\w*)"', html)


def test_drift_of_few_trips_is_grey_however_large_it_is() -> None:
    """And of enough of them the stronger it is the more it catches the eye."""
    few, enough = ([drifted(psi, trips=trips) for psi in (0.9, 0.25, 0.1, 0.05)] for trips in (199, 200))
    assert styles(drift_picture(few, Words("en"))) == ["second"] * 4
    assert styles(drift_picture(enough, Words("en"))) == ["strong", "strong", "", "pale"]


@pytest.mark.parametrize(
    ("language", "note"),
    [
        ("en", "With fewer than 200 trips it is mostly chance."),
        ("es", "Con menos de 200 viajes es sobre todo azar."),
    ],
)
def test_the_page_says_how_many_trips_are_few(language: str, note: str) -> None:
    quality = LiveQuality(
        looked_at=datetime(2024, 3, 1, 8, tzinfo=UTC),
        errors=[],
        bands=[LiveBand(version="3", measure=Measure.MAE, lower=0.0, upper=130.0, is_out=False)],
        drift={"3": [drifted(0.9, trips=1)]},
        level=LevelNow(is_on=False, factor=None, lower=None, upper=None),
        ages_s={},
        data_age_s=None,
        outcome_delay_s={},
    )
    html = model_piece(quality, "3", Visit(words=Words(language), query={}), UTC)
    assert styles(html) == ["second"]
    assert note in html
