-- How much slower or faster the city is now than each model version expects; the newest level only.
create table live_levels (
    version bigint             primary key,
    as_of   timestamptz        not null,
    trips   bigint             not null,
    city    double precision   not null,
    strata  double precision[] not null
);
