-- What was answered, one partition per month (UTC) of the answer, made when first needed. The time is
-- that in the id, so that whoever knows the id knows the month. Nothing refers to trips: those come later,
-- from elsewhere, and go by rules of their own.
create table predictions (
    answered_at     timestamptz      not null,
    prediction_id   uuid             not null,
    pickup_at       timestamptz      not null,
    pickup_lat_deg  double precision not null,
    pickup_lon_deg  double precision not null,
    pickup_zone     integer,
    dropoff_lat_deg double precision not null,
    dropoff_lon_deg double precision not null,
    dropoff_zone    integer,
    passenger_count integer,
    mu              double precision not null,
    sigma           double precision not null,
    duration_s      double precision not null,
    lower_s         double precision not null,
    upper_s         double precision not null,
    version         integer, -- null: no model was asked
    source          text             not null,
    level_factor    double precision not null,
    degraded        text,
    owner           text collate "C" not null,
    reference       text collate "C",
    primary key (answered_at, prediction_id)
) partition by range (answered_at);

create index predictions_by_reference on predictions (reference) where reference is not null;

-- What became of it. It may come before its prediction, so it does not refer to it.
create table outcomes (
    answered_at   timestamptz      not null,
    prediction_id uuid             not null,
    duration_s    double precision not null,
    pickup_at     timestamptz, -- null: as planned
    reported_at   timestamptz      not null,
    owner         text collate "C" not null,
    primary key (answered_at, prediction_id)
) partition by range (answered_at);

create index outcomes_by_report on outcomes (reported_at, prediction_id);

-- What a challenger would have answered.
create table shadow_scores (
    answered_at   timestamptz      not null,
    prediction_id uuid             not null,
    version       integer          not null,
    mu            double precision not null,
    sigma         double precision not null,
    duration_s    double precision not null,
    primary key (answered_at, prediction_id, version)
) partition by range (answered_at);

-- Makes the partition of a month, if it is not there. With the rights of the owner of the tables, for
-- who may write rows may not make tables. It is attached rather than created as a partition: that lets
-- readers of the others go on.
create function make_month(parent text, month date) returns void
language plpgsql security definer as $$
declare
    partition text := parent || to_char(month, '_YYYY_MM');
begin
    if parent not in ('taxi_trips', 'predictions', 'outcomes', 'shadow_scores') or month <> date_trunc('month', month) then
        raise exception 'there are no partitions of % for %', parent, month;
    end if;
    -- Who waited for the lock has to look for what was made meanwhile: a query does, to_regclass does not.
    perform pg_advisory_xact_lock(hashtext('partitions of ' || parent));
    if exists (select from pg_class where relname = partition and pg_table_is_visible(oid)) then
        return;
    end if;
    execute format('create table %I (like %I including all)', partition, parent);
    execute format(
        'alter table %I attach partition %I for values from (%L) to (%L)', parent, partition,
        month::timestamp at time zone 'UTC', (month + interval '1 month') at time zone 'UTC'
    );
end
$$;

revoke execute on function make_month from public;

-- It looks for tables where they are now, and nowhere else.
do $$
begin
    execute format('alter function make_month(text, date) set search_path = %I, pg_temp', current_schema());
end
$$;
