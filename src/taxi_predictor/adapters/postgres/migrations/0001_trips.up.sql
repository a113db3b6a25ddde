-- One row per part (a file, a month) that was ingested whole.
create table ingests (
    ingest_id   bigint generated always as identity primary key,
    family      text        not null,
    part        text        not null,
    stored_at   timestamptz not null default now(),
    added       bigint      not null default 0,
    known       bigint      not null default 0,
    duplicates  bigint      not null default 0,
    rejected    bigint      not null default 0
);

-- Finished trips, one partition per month (UTC) of pickup, made when first needed.
-- The key begins with the time, so it serves time windows too and grows at its end.
create table taxi_trips (
    pickup_at           timestamptz      not null,
    trip_id             uuid             not null,
    ingest_id           bigint           not null,
    pickup_lat_deg      double precision not null,
    pickup_lon_deg      double precision not null,
    pickup_zone         integer,
    dropoff_lat_deg     double precision not null,
    dropoff_lon_deg     double precision not null,
    dropoff_zone        integer,
    passenger_count     smallint,
    duration_s          double precision not null check (duration_s > 0),
    -- Known only after the trip: for analysis, never an input of a model.
    metered_distance_km double precision,
    total_amount        double precision,
    primary key (pickup_at, trip_id)
) partition by range (pickup_at);

-- Rows that did not become trips, as they were read; replaced when their part is ingested again.
create table trip_rejects (
    family     text   not null,
    part       text   not null,
    row_number bigint not null,
    reason     text   not null,
    record     json   not null,
    primary key (family, part, row_number)
);

create table zones (
    zone_id          integer primary key,
    name             text             not null,
    borough          text             not null,
    centroid_lat_deg double precision not null,
    centroid_lon_deg double precision not null,
    outline          text -- a GeoJSON geometry
);
