import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import shapefile
import shapely  # type: ignore[import-untyped] # ships no types
from pyproj import CRS, Transformer

from taxi_predictor.adapters.sources.zones import MAX_FILE_BYTES, read_zones
from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.errors import MissingSource, UnknownSchema, UnreadableSource
from taxi_predictor.domain.place import Point, Zone, ZoneId, great_circle_km

REAL = Path(__file__).parents[2].parent / "shared" / "data"

CSV = """\
location_id,Borough,Zone,service_zone,centroid_lat,centroid_lon,area_km2
4,Manhattan,Alphabet City,Yellow Zone,40.7237,-73.9769,0.7
105,Manhattan,"Governor's Island, all of it",Yellow Zone,40.6887,-74.019,0.7
264,Unknown,N/A,N/A,,,
"""
LOOKUP = """\
LocationID,Borough,Zone,service_zone
1,EWR,Newark Airport,EWR
2,Queens,Jamaica Bay,Boro Zone
3,Queens,Jamaica Bay,Boro Zone
264,Unknown,N/A,N/A
"""

NEW_YORK_FEET = CRS.from_epsg(2263)
SIDE_FEET = 1000.0
TO_WGS84 = Transformer.from_crs(NEW_YORK_FEET, "EPSG:4326", always_xy=True)

Square = tuple[int, int, str, float]
"""OBJECTID, LocationID, zone, and how many feet east its south-western corner lies."""

SQUARES: Sequence[Square] = ((1, 1, "Airport", 980_000.0), (2, 2, "Jamaica Bay", 990_000.0))
SOUTH_FEET = 200_000.0


def write_shapefile(folder: Path, squares: Sequence[Square] = SQUARES, stem: str = "taxi_zones") -> Path:
    with shapefile.Writer(folder / stem) as writer:
        writer.field("OBJECTID", "N", 9)
        writer.field("zone", "C", 60)
        writer.field("LocationID", "N", 4)
        writer.field("borough", "C", 60)
        for object_id, location_id, name, west in squares:
            east, north = west + SIDE_FEET, SOUTH_FEET + SIDE_FEET
            corners = [(west, SOUTH_FEET), (west, north), (east, north), (east, SOUTH_FEET)]
            # A corner a foot off the side's straight line is simplified away.
            writer.poly([[*corners, (west + SIDE_FEET / 2, SOUTH_FEET + 1.0), corners[0]]])
            writer.record(object_id, name, location_id, "Queens")
    (folder / f"{stem}.prj").write_text(NEW_YORK_FEET.to_wkt("WKT1_ESRI"))
    return folder / f"{stem}.shp"


def write_zip(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def centre_of(west_feet: float) -> Point:
    lon_deg, lat_deg = TO_WGS84.transform(west_feet + SIDE_FEET / 2, SOUTH_FEET + SIDE_FEET / 2)
    return Point(lat_deg, lon_deg)


def apart_km(one: Point, other: Point) -> float:
    return great_circle_km(SCALAR, one.lat_deg, one.lon_deg, other.lat_deg, other.lon_deg)


def test_a_csv_gives_centroids_and_leaves_out_zones_without_one(tmp_path: Path) -> None:
    path = tmp_path / "any name.csv"
    path.write_text(CSV)
    assert list(read_zones(path)) == [
        Zone(id=ZoneId(4), name="Alphabet City", borough="Manhattan", centroid=Point(40.7237, -73.9769)),
        Zone(
            id=ZoneId(105),
            name="Governor's Island, all of it",
            borough="Manhattan",
            centroid=Point(40.6887, -74.019),
        ),
    ]


@pytest.mark.parametrize(
    "head",
    [
        "LocationID,borough,name,centroid_lat,centroid_lon",
        "\ufefflocation_id,BOROUGH, zone ,centroid_lat_deg,centroid_lon_deg",
    ],
)
def test_column_names_may_vary(tmp_path: Path, head: str) -> None:
    path = tmp_path / "zones.csv"
    path.write_text(f"{head}\n7,Queens,Astoria,40.76,-73.92\n", encoding="utf-8")
    assert [(zone.id, zone.name, zone.borough) for zone in read_zones(path)] == [(7, "Astoria", "Queens")]


def test_a_csv_without_centroids_names_what_was_expected_and_found(tmp_path: Path) -> None:
    path = tmp_path / "taxi_zone_lookup.csv"
    path.write_text(LOOKUP)
    with pytest.raises(
        UnknownSchema, match=r"lacks centroid_lat, centroid_lon: expected .*, found LocationID"
    ):
        read_zones(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00binary",
        b"location_id,Borough,Zone,centroid_lat,centroid_lon\n",
        b"location_id,Borough,Zone,centroid_lat,centroid_lon\n1,a,b,91.5,0\n",
        b"location_id,Borough,Zone,centroid_lat,centroid_lon\n1,a,b,nan,0\n",
        b"location_id,Borough,Zone,centroid_lat,centroid_lon\n1,a,b,40.7,\n",
        b"location_id,Borough,Zone,centroid_lat,centroid_lon\none,a,b,40.7,-74\n",
        b"location_id,Borough,Zone,centroid_lat,centroid_lon\n1,a,b,40.7,-74\n1,a,b,40.7,-74\n",
        b'location_id,Borough,Zone,centroid_lat,centroid_lon\n1,a,"b,40.7,-74\n',
    ],
)
def test_a_broken_csv_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "zones.csv"
    path.write_bytes(content)
    with pytest.raises((UnreadableSource, UnknownSchema), match=r"zones\.csv"):
        read_zones(path)


def test_a_shapefile_gives_centroids_and_simplified_outlines_in_degrees(tmp_path: Path) -> None:
    table = read_zones(write_shapefile(tmp_path))
    assert {zone.id: zone.name for zone in table} == {1: "Airport", 2: "Jamaica Bay"}
    zone = table.zones[ZoneId(1)]
    assert apart_km(zone.centroid, centre_of(980_000.0)) < 0.001
    assert zone.outline is not None
    outline = json.loads(zone.outline)
    assert outline["type"] == "Polygon"
    (ring,) = outline["coordinates"]
    assert len(ring) == 5
    assert all(round(degrees, 6) == degrees for corner in ring for degrees in corner)
    centre = shapely.from_geojson(zone.outline).centroid
    assert apart_km(Point(centre.y, centre.x), zone.centroid) < 0.001


def test_a_folder_prefers_the_shapefile_and_takes_names_from_the_lookup(tmp_path: Path) -> None:
    write_shapefile(tmp_path)
    (tmp_path / "zones.csv").write_text(CSV)
    (tmp_path / "taxi_zone_lookup.csv").write_text(LOOKUP)
    table = read_zones(tmp_path)
    assert [(zone.id, zone.name, zone.borough) for zone in table] == [
        (1, "Newark Airport", "EWR"),
        (2, "Jamaica Bay", "Queens"),
    ]
    assert all(zone.outline for zone in table)


def test_a_folder_without_a_shapefile_gives_its_csv(tmp_path: Path) -> None:
    (tmp_path / "zones.csv").write_text(CSV)
    assert set(read_zones(tmp_path).zones) == {4, 105}


def test_a_repeated_id_gives_way_to_the_object_id(tmp_path: Path) -> None:
    write_shapefile(
        tmp_path, [*SQUARES[:1], (2, 2, "Jamaica Bay", 990_000.0), (3, 2, "Jamaica Bay", 995_000.0)]
    )
    (tmp_path / "taxi_zone_lookup.csv").write_text(LOOKUP)
    table = read_zones(tmp_path)
    assert set(table.zones) == {1, 2, 3}
    assert apart_km(table.zones[ZoneId(3)].centroid, centre_of(995_000.0)) < 0.001


def test_an_object_id_counts_only_where_an_id_is_repeated(tmp_path: Path) -> None:
    table = read_zones(write_shapefile(tmp_path, [(71, 1, "Airport", 980_000.0), (72, 2, "Bay", 990_000.0)]))
    assert set(table.zones) == {1, 2}


@pytest.mark.parametrize(
    "squares",
    [
        [(1, 2, "Airport", 980_000.0), (2, 2, "Jamaica Bay", 990_000.0)],
        [(2, 2, "Jamaica Bay", 980_000.0), (2, 2, "Jamaica Bay", 990_000.0)],
        [(1, 1, "x", 970_000.0), (1, 2, "Newark Airport", 980_000.0), (2, 2, "Jamaica Bay", 990_000.0)],
    ],
    ids=["other name in the lookup", "object ids repeated", "object id is another zone"],
)
def test_repeated_ids_that_cannot_be_told_apart_are_refused(tmp_path: Path, squares: list[Square]) -> None:
    write_shapefile(tmp_path, squares)
    (tmp_path / "taxi_zone_lookup.csv").write_text(LOOKUP)
    with pytest.raises(UnreadableSource, match="zone"):
        read_zones(tmp_path)


@pytest.mark.parametrize("inner", ["", "taxi_zones/"])
@pytest.mark.parametrize("is_lookup_inside", [True, False])
def test_a_zip_is_read_wherever_its_files_lie_in_it(
    tmp_path: Path, inner: str, is_lookup_inside: bool
) -> None:
    (tmp_path / "loose").mkdir()
    write_shapefile(tmp_path / "loose")
    members = {f"{inner}{path.name}": path.read_bytes() for path in (tmp_path / "loose").iterdir()}
    if is_lookup_inside:
        members[f"{inner}taxi_zone_lookup.csv"] = LOOKUP.encode()
    else:
        (tmp_path / "taxi_zone_lookup.csv").write_text(LOOKUP)
    path = write_zip(tmp_path / "taxi_zones.zip", members)
    assert [zone.name for zone in read_zones(path)] == ["Newark Airport", "Jamaica Bay"]
    assert read_zones(tmp_path) == read_zones(path)


def test_a_zip_may_hold_the_csv(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"zones.csv": CSV.encode()})
    assert set(read_zones(path).zones) == {4, 105}


@pytest.mark.parametrize("name", ["../zones.csv", "/zones.csv", "a/../../zones.csv", "..\\zones.csv"])
def test_a_zip_that_points_out_of_itself_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableSource, match="points out of the archive"):
        read_zones(write_zip(tmp_path / "a.zip", {name: CSV.encode()}))


def test_a_zip_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"zones.csv": bytes(MAX_FILE_BYTES + 1)})
    assert path.stat().st_size < 100_000
    with pytest.raises(UnreadableSource, match="unpacks to more than 64 MB"):
        read_zones(path)


def test_a_zip_without_zones_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(MissingSource, match=r"looked for taxi_zones\.shp and zones\.csv"):
        read_zones(write_zip(tmp_path / "a.zip", {"readme.txt": b"hello"}))


def test_what_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingSource, match="no such file or folder"):
        read_zones(tmp_path / "zones.csv")
    with pytest.raises(MissingSource, match=r"looked for taxi_zones\.shp, taxi_zones\.zip and zones\.csv"):
        read_zones(tmp_path)


@pytest.mark.parametrize("suffix", [".dbf", ".prj"])
def test_a_shapefile_without_its_companions_names_them(tmp_path: Path, suffix: str) -> None:
    path = write_shapefile(tmp_path)
    path.with_suffix(suffix).unlink()
    with pytest.raises(MissingSource, match=rf"also needs taxi_zones\{suffix}"):
        read_zones(path)


def test_a_shapefile_of_something_else_names_its_columns(tmp_path: Path) -> None:
    write_shapefile(tmp_path)
    with (tmp_path / "taxi_zones.dbf").open("wb") as dbf, shapefile.Writer(dbf=dbf) as writer:
        writer.field("STREET", "C", 10)
        writer.record("Broadway")
    with pytest.raises(UnknownSchema, match="found STREET"):
        read_zones(tmp_path)


@pytest.mark.parametrize("suffix", [".shp", ".dbf", ".prj"])
@pytest.mark.parametrize("kept_bytes", [0, 20, 150])
def test_a_shapefile_that_is_cut_short_is_refused(tmp_path: Path, suffix: str, kept_bytes: int) -> None:
    path = write_shapefile(tmp_path).with_suffix(suffix)
    path.write_bytes(path.read_bytes()[:kept_bytes])
    with pytest.raises(UnreadableSource, match=str(tmp_path)):
        read_zones(tmp_path)


@pytest.mark.parametrize("name", ["zones.zip", "zones.shp", "zones.txt"])
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"hello")
    with pytest.raises((UnreadableSource, MissingSource), match="zones"):
        read_zones(tmp_path / name)


@pytest.mark.skipif(
    not (REAL / "zones").is_dir(), reason="real trips are not beside the project (../shared/data)"
)
def test_the_real_shapefile_agrees_with_the_corrected_table() -> None:
    shapes, corrected = read_zones(REAL / "zones"), read_zones(REAL / "zones" / "zones.csv")
    assert len(shapes) == 263
    for zone in shapes:
        expected = corrected.zones[zone.id]
        assert (zone.name, zone.borough) == (expected.name, expected.borough)
        assert apart_km(zone.centroid, expected.centroid) < 0.1
    assert set(shapes.zones) == set(corrected.zones)
    assert sum(len(zone.outline or "") for zone in shapes) < 300_000
