"""Reading the table of a city's taxi zones: a CSV of centroids, or the TLC's shapefile."""

import csv
import io
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyproj
import shapefile
import shapely  # ships no types
from shapely.geometry import shape as as_geometry  # as above

from taxi_predictor.adapters.sources.names import see_zone_table
from taxi_predictor.domain.errors import MissingSource, UnknownSchema, UnreadableSource
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable

__all__ = ["read_zones"]

SHAPES, LOOKUP, CENTROIDS = "taxi_zones", "taxi_zone_lookup.csv", "zones.csv"

MAX_FILE_BYTES = 64 * 2**20
"""One unpacked file of an archive; the TLC's largest has 1.6 MB."""
OUTLINE_TOLERANCE_M = 20.0
OUTLINE_DECIMALS = 6  # of a degree: 0.1 m

Row = dict[str, str]
Wanted = Mapping[str, tuple[str, ...]]
Find = Callable[[str], bytes | None]
"""The content of a file by its plain name, or None where there is none."""

# What the libraries raise on bytes that make no sense, found by damaging files at random;
# RuntimeError also stands for PROJ and for an encrypted archive.
DAMAGE = (
    *(OSError, EOFError, AssertionError, LookupError, OverflowError, RuntimeError, TypeError, ValueError),
    *(csv.Error, struct.error, zipfile.BadZipFile, zlib.error),
    *(shapefile.ShapefileException, shapefile.RingSamplingError, shapely.errors.ShapelyError),
)

# What a table needs, and how its columns are called (in any case).
ID: Wanted = {"location_id": ("location_id", "locationid", "zone_id")}
NAMES: Wanted = {"zone": ("zone", "name", "zone_name"), "borough": ("borough",)}
CENTROID: Wanted = {name: (name, f"{name}_deg") for name in ("centroid_lat", "centroid_lon")}


def read_zones(path: Path) -> ZoneTable:
    """Read the zones of a .csv, a .shp (with its lookup beside it), a .zip of them, or a folder.

    Where a folder or archive has both, the shapefile is read, for it knows outlines. A zone
    without a place, such as the TLC's "unknown", is left out.

    Raises:
        MissingSource: there is no such file, or not what was looked for in it.
        UnknownSchema: a table without the columns that are needed.
        UnreadableSource: a file that is damaged, or not what its name says.
    """
    with _translated(path):
        see_zone_table(path)
        if path.is_dir():
            table = _read_folder(path)
        elif path.suffix.lower() == ".csv":
            table = _read_centroids(path.read_bytes(), path)
        elif path.suffix.lower() == ".shp":
            table = _read_shapes(_beside(path.parent), path.stem, path)
        else:
            table = _read_archive(path)
    if not table:
        raise UnreadableSource(f"{path} holds no zone with a place")
    return ZoneTable(table)


@contextmanager
def _translated(source: Path) -> Iterator[None]:
    """Turn what the libraries raise on damaged files into one sentence."""
    try:
        yield
    except (MissingSource, UnknownSchema, UnreadableSource):
        raise
    except DAMAGE as error:
        raise UnreadableSource(f"{source} cannot be read, perhaps it is damaged: {error}") from error


def _beside(folder: Path) -> Find:
    def find(name: str) -> bytes | None:
        path = folder / name
        return path.read_bytes() if path.is_file() else None

    return find


def _read_folder(folder: Path) -> dict[ZoneId, Zone]:
    find = _beside(folder)
    if (folder / f"{SHAPES}.shp").is_file():
        return _read_shapes(find, SHAPES, folder)
    if (folder / f"{SHAPES}.zip").is_file():
        return _read_archive(folder / f"{SHAPES}.zip")
    if (centroids := find(CENTROIDS)) is not None:
        return _read_centroids(centroids, folder / CENTROIDS)
    looked_for = f"{SHAPES}.shp, {SHAPES}.zip and {CENTROIDS}"
    raise MissingSource(f"there is no zone table in {folder}: looked for {looked_for}")


def _read_archive(path: Path) -> dict[ZoneId, Zone]:
    """Read the members that are needed, in memory: nothing is ever unpacked to disk."""
    with zipfile.ZipFile(path) as archive:
        members: dict[str, zipfile.ZipInfo] = {}
        for member in archive.infolist():
            inside = PurePosixPath(member.filename.replace("\\", "/"))
            if inside.is_absolute() or ".." in inside.parts:
                raise UnreadableSource(f"{path} is refused: {member.filename!r} points out of the archive")
            members.setdefault(inside.name, member)

        def find(name: str) -> bytes | None:
            if name not in members:
                return _beside(path.parent)(name) if name == LOOKUP else None
            with archive.open(members[name]) as file:
                # The stated size may lie, so what is really unpacked is what is limited.
                content = file.read(MAX_FILE_BYTES + 1)
            if len(content) > MAX_FILE_BYTES:
                limit = f"{MAX_FILE_BYTES // 2**20} MB"
                raise UnreadableSource(f"{path} is refused: {name} unpacks to more than {limit}")
            return content

        if f"{SHAPES}.shp" in members:
            return _read_shapes(find, SHAPES, path)
        if (centroids := find(CENTROIDS)) is not None:
            return _read_centroids(centroids, path)
    raise MissingSource(f"there is no zone table in {path}: looked for {SHAPES}.shp and {CENTROIDS}")


def _read_centroids(content: bytes, source: Path) -> dict[ZoneId, Zone]:
    zones: dict[ZoneId, Zone] = {}
    for row in _csv_rows(content, {**ID, **NAMES, **CENTROID}, source):
        if not row["centroid_lat"] and not row["centroid_lon"]:
            continue
        zone_id = ZoneId(int(row["location_id"]))
        if zone_id in zones:
            raise UnreadableSource(f"{source} has zone {zone_id} twice")
        try:
            centroid = Point(float(row["centroid_lat"]), float(row["centroid_lon"]))
        except ValueError as error:
            raise UnreadableSource(f"{source}: the centroid of zone {zone_id} is wrong: {error}") from error
        zones[zone_id] = Zone(id=zone_id, name=row["zone"], borough=row["borough"], centroid=centroid)
    return zones


def _csv_rows(content: bytes, wanted: Wanted, source: Path | str) -> Iterator[Row]:
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    columns = _columns(reader.fieldnames or (), wanted, source)
    for row in reader:
        yield {name: (row[column] or "").strip() for name, column in columns.items()}


def _columns(found: Sequence[str], wanted: Wanted, source: Path | str) -> Mapping[str, str]:
    """How the *wanted* columns are called among the *found* ones."""
    by_key = {column.strip().lower(): column for column in found}
    columns = {name: by_key[key] for name, keys in wanted.items() for key in keys if key in by_key}
    if missing := ", ".join(name for name in wanted if name not in columns):
        both = f"expected {', '.join(wanted)}, found {', '.join(found) or 'none'}"
        raise UnknownSchema(f"{source} is no zone table, it lacks {missing}: {both}")
    return columns


def _read_shapes(find: Find, stem: str, source: Path) -> dict[ZoneId, Zone]:
    files = {name: find(name) for name in (f"{stem}.shp", f"{stem}.dbf", f"{stem}.prj")}
    shp, dbf, prj = (content or b"" for content in files.values())
    if missing := [name for name, content in files.items() if content is None]:
        raise MissingSource(f"{source}: a shapefile also needs {' and '.join(missing)}")
    if len(shp) < 100 or 2 * int.from_bytes(shp[24:28]) != len(shp):  # its header counts 16-bit words
        raise UnreadableSource(f"{source}: {stem}.shp is cut short, or no shapefile")
    with shapefile.Reader(shp=io.BytesIO(shp), dbf=io.BytesIO(dbf)) as reader:
        fields = [field[0] for field in reader.fields if field[0] != "DeletionFlag"]
        columns = _columns(fields, {**ID, **NAMES}, source)
        records = [record.as_dict() for record in reader.records()]
        geometries = [
            None if one.shapeType == shapefile.NULL else as_geometry(one.__geo_interface__)
            for one in reader.shapes()
        ]
    named = find(LOOKUP)
    rows = _csv_rows(named, {**ID, **NAMES}, f"{LOOKUP} of {source}") if named is not None else ()
    lookup = {int(row["location_id"]): row for row in rows}
    ids = _zone_ids(records, columns, lookup, source)
    project = _Projection(prj.decode())
    zones: dict[ZoneId, Zone] = {}
    for zone_id, record, geometry in zip(ids, records, geometries, strict=True):
        if geometry is not None and not geometry.is_empty:
            own = {name: str(record[column] or "").strip() for name, column in columns.items()}
            names = lookup.get(zone_id, own)
            zones[zone_id] = Zone(
                id=zone_id,
                name=names["zone"],
                borough=names["borough"],
                centroid=project.centroid(geometry),
                outline=project.outline(geometry),
            )
    return zones


def _zone_ids(
    records: Sequence[Mapping[str, Any]], columns: Mapping[str, str], lookup: Mapping[int, Row], source: Path
) -> list[ZoneId]:
    # The TLC's shapefile says LocationID 56 on two rows and 103 on three, while 57, 104 and 105 are
    # on none. Its OBJECTID equals LocationID on every row that is not repeated, and is 56, 57, 103,
    # 104, 105 on those five, where the lookup has the same names. So a repeated id gives way to the
    # OBJECTID; if the lookup calls that zone otherwise, the file is another and nobody should guess.
    given = [int(record[columns["location_id"]]) for record in records]
    rows_of = Counter(given)
    ids: list[ZoneId] = []
    for zone_id, record in zip(given, records, strict=True):
        is_repeated = rows_of[zone_id] > 1
        chosen = int(record.get("OBJECTID") or zone_id) if is_repeated else zone_id
        named = lookup.get(chosen)
        if is_repeated and named and named["zone"] != str(record[columns["zone"]]).strip():
            raise UnreadableSource(f"{source} repeats zone {zone_id}, and {chosen} is {named['zone']!r}")
        ids.append(ZoneId(chosen))
    if twice := sorted(zone_id for zone_id, rows in Counter(ids).items() if rows > 1):
        raise UnreadableSource(f"{source} has several shapes for zone {', '.join(map(str, twice))}")
    return ids


class _Projection:
    """From the plane of a shapefile to WGS 84."""

    def __init__(self, wkt: str) -> None:
        crs = pyproj.CRS.from_wkt(wkt)
        self._to_wgs84 = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
        metres = 111_320.0 if crs.is_geographic else crs.axis_info[0].unit_conversion_factor
        self._tolerance = OUTLINE_TOLERANCE_M / metres

    def centroid(self, geometry: Any) -> Point:
        lon_deg, lat_deg = self._to_wgs84.transform(geometry.centroid.x, geometry.centroid.y, errcheck=True)
        return Point(lat_deg, lon_deg)

    def outline(self, geometry: Any) -> str:
        """The simplified outline as GeoJSON text: a tenth of the TLC's 98,000 corners remain."""

        def degrees(xy: Any) -> Any:
            lon_lat_deg = self._to_wgs84.transform(xy[:, 0], xy[:, 1], errcheck=True)
            return np.round(np.column_stack(lon_lat_deg), OUTLINE_DECIMALS)

        return str(shapely.to_geojson(shapely.transform(geometry.simplify(self._tolerance), degrees)))
