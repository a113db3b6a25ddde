-- stage_trips --
-- Not logged, private to the session, gone with the transaction.
create temporary table staged_trips (like taxi_trips, row_number bigint) on commit drop

-- clear_stage --
truncate staged_trips

-- count_stage --
-- Without it the planner takes a full batch for a small one.
analyze staged_trips

-- known_trips --
-- Trips of this part that another had brought before.
create temporary table known_trips (pickup_at timestamptz, trip_id uuid, primary key (pickup_at, trip_id))
on commit drop

-- wait_for_turn --
-- One part comes in at a time: two that share trips or need the same new month would wait for each other,
-- and two of the same name would both replace its rejects.
select pg_advisory_xact_lock(hashtext('taxi_trips ingest'))

-- begin_ingest --
insert into ingests (family, part) values ($1, $2) returning ingest_id

-- finish_ingest --
update ingests set added = $2, known = $3, duplicates = $4, rejected = $5 where ingest_id = $1

-- forget_rejects --
delete from trip_rejects where family = $1 and part = $2

-- repeated_trips --
-- Staged trips that stood earlier in the same part: it has added them, or found them known.
select row_number from staged_trips join taxi_trips using (pickup_at, trip_id)
where taxi_trips.ingest_id = $1 and taxi_trips.pickup_at between $2 and $3
union all
select row_number from staged_trips join known_trips using (pickup_at, trip_id)

-- note_known_trips --
insert into known_trips
select pickup_at, trip_id from staged_trips join taxi_trips using (pickup_at, trip_id)
where taxi_trips.ingest_id <> $1 and taxi_trips.pickup_at between $2 and $3
on conflict do nothing

-- add_trips --
-- First write wins, whoever wrote it.
insert into taxi_trips (
    pickup_at, trip_id, ingest_id, pickup_lat_deg, pickup_lon_deg, pickup_zone, dropoff_lat_deg,
    dropoff_lon_deg, dropoff_zone, passenger_count, duration_s, metered_distance_km, total_amount
)
select
    pickup_at, trip_id, ingest_id, pickup_lat_deg, pickup_lon_deg, pickup_zone, dropoff_lat_deg,
    dropoff_lon_deg, dropoff_zone, passenger_count, duration_s, metered_distance_km, total_amount
from staged_trips
on conflict (pickup_at, trip_id) do nothing

-- trips_between --
select
    (extract(epoch from pickup_at) * 1000000)::bigint, pickup_lat_deg, pickup_lon_deg, pickup_zone,
    dropoff_lat_deg, dropoff_lon_deg, dropoff_zone, passenger_count,
    replace(trip_id::text, '-', ''), duration_s, metered_distance_km, total_amount
from taxi_trips
where ($1::timestamptz is null or pickup_at >= $1) and ($2::timestamptz is null or pickup_at < $2)
    and ($3::float8 is null or pickup_lat_deg between $3 and $4::float8 and pickup_lon_deg between $5::float8 and $6::float8)
    and ($7::float8 is null or dropoff_lat_deg between $7 and $8::float8 and dropoff_lon_deg between $9::float8 and $10::float8)
    and ($11::text is null or ingest_id in (select ingest_id from ingests where family = $11))
order by pickup_at, trip_id

-- trips_by_day --
select (pickup_at at time zone $1)::date as day, count(*) as trips
from taxi_trips
where $2::timestamptz is null or pickup_at < $2
group by day
order by day

-- trips_by_month --
select family, date_trunc('month', pickup_at at time zone 'UTC')::date as month, count(*) as trips
from taxi_trips join ingests using (ingest_id)
group by family, month
order by family collate "C", month

-- families_between --
select distinct family collate "C" as family
from taxi_trips join ingests using (ingest_id)
where pickup_at >= $1 and pickup_at < $2
order by 1

-- erase_trips --
-- Named by the whole key: the months in which they are not are not looked at.
delete from taxi_trips using unnest($1::timestamptz[], $2::uuid[]) as named (pickup_at, trip_id)
where taxi_trips.pickup_at = named.pickup_at and taxi_trips.trip_id = named.trip_id

-- sum_of_ids --
-- Of one month, named in the table's place; halves of ids as numbers with a sign.
select count(*) as trips, coalesce(sum(high), 0) as high, coalesce(sum(low), 0) as low,
    count(*) filter (where low < 0) as negative_lows
from (
    select ('x' || substr(trip_id::text, 1, 8) || substr(trip_id::text, 10, 4) || substr(trip_id::text, 15, 4))::bit(64)::bigint as high,
        ('x' || substr(trip_id::text, 20, 4) || substr(trip_id::text, 25, 12))::bit(64)::bigint as low
    from taxi_trips
) as halves

-- rejects_by_reason --
select family, part, reason, count(*) as rows
from trip_rejects
group by family, part, reason
order by family collate "C", part collate "C", reason collate "C"

-- rejects --
select family, part, row_number, reason, record::text
from trip_rejects
where ($1::text is null or family = $1) and ($2::text is null or part = $2) and ($3::text is null or reason = $3)
order by family collate "C", part collate "C", row_number

-- make_month --
select make_month($1, $2)

-- zones --
select zone_id, name, borough, centroid_lat_deg, centroid_lon_deg, outline from zones order by zone_id

-- forget_zones --
-- A second writer waits here, not at the first row that is there already.
lock table zones in share row exclusive mode;
delete from zones

-- save_level --
-- Of two that are saved at once the later instant stays.
insert into live_levels (version, as_of, trips, city, strata) values ($1, $2, $3, $4, $5)
on conflict (version) do update set as_of = excluded.as_of, trips = excluded.trips, city = excluded.city,
    strata = excluded.strata
where live_levels.as_of <= excluded.as_of

-- level --
select as_of, trips, city, strata from live_levels where version = $1

-- write_entry --
insert into journal (at, actor, deed, version, reason) values ($1, $2, $3, $4, $5)

-- entries --
-- In the order of writing: clocks of several hosts may disagree.
select at, actor, deed, version, reason from journal order by entry_id desc limit $1

-- add_api_key --
insert into api_keys (key_id, name, digest, scopes, created_at, expires_at, revoked_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (key_id) do nothing
returning key_id

-- api_keys --
select key_id, name, digest, scopes, created_at, expires_at, revoked_at from api_keys
order by created_at, key_id collate "C"

-- revoke_api_key --
-- The first revocation stands.
update api_keys set revoked_at = coalesce(revoked_at, $2) where key_id = $1
returning key_id, name, digest, scopes, created_at, expires_at, revoked_at

-- claim_key --
-- One row, which says who holds the key. None where somebody took it while this statement ran: it
-- waited for them, but reads the table as it was before, with nothing there or what has expired.
with taken as (
    insert into idempotent_answers (owner, key, claim_id, fingerprint, expires_at)
    values ($1, $2, $3, $4, $6)
    on conflict (owner, key) do update set claim_id = excluded.claim_id, fingerprint = excluded.fingerprint,
        expires_at = excluded.expires_at, status = null, headers = null, body = null
    where idempotent_answers.expires_at <= $5
    returning claim_id
)
select claim_id, null as fingerprint, null as status, null as headers, null as body from taken
union all
select claim_id, fingerprint, status, headers, body from idempotent_answers
where owner = $1 and key = $2 and expires_at > $5 and not exists (select from taken)

-- keep_answer --
update idempotent_answers set expires_at = $4, status = $5, headers = $6, body = $7
where owner = $1 and key = $2 and claim_id = $3 and status is null
returning true

-- release_key --
delete from idempotent_answers where owner = $1 and key = $2 and claim_id = $3 and status is null

-- forget_answers --
with expired as (delete from idempotent_answers where expires_at <= $1 returning 1)
select count(*) from expired

-- stage_predictions --
create temporary table staged_predictions (like predictions) on commit drop

-- add_predictions --
-- The first write wins.
insert into predictions select * from staged_predictions on conflict do nothing

-- predictions --
select predictions.* from unnest($1::timestamptz[], $2::uuid[]) as named (answered_at, prediction_id)
join predictions using (answered_at, prediction_id)

-- predictions_between --
select * from predictions where answered_at >= $1 and answered_at < $2 order by answered_at, prediction_id

-- count_predictions --
select count(*) from predictions

-- attach_outcomes --
insert into outcomes (answered_at, prediction_id, duration_s, pickup_at, reported_at, owner)
select * from unnest($1::timestamptz[], $2::uuid[], $3::float8[], $4::timestamptz[], $5::timestamptz[], $6::text[])
on conflict do nothing
returning prediction_id

-- outcomes --
select outcomes.* from unnest($1::timestamptz[], $2::uuid[]) as named (answered_at, prediction_id)
join outcomes using (answered_at, prediction_id)

-- ended_between --
select predictions.*, outcomes.duration_s as outcome_duration_s, outcomes.pickup_at as outcome_pickup_at,
    outcomes.reported_at, outcomes.owner as outcome_owner
from outcomes join predictions using (answered_at, prediction_id)
where reported_at >= $1 and reported_at < $2
order by reported_at, prediction_id

-- hours_of_reports --
-- Truncated in UTC, whatever zone the session has.
select distinct date_trunc('hour', reported_at at time zone 'UTC') at time zone 'UTC' as hour
from outcomes join predictions using (answered_at, prediction_id)
where reported_at >= $1 and reported_at < $2
order by hour

-- orphans --
select * from outcomes
where reported_at >= $1 and reported_at < $2 and not exists (
    select from predictions
    where predictions.answered_at = outcomes.answered_at and predictions.prediction_id = outcomes.prediction_id
)
order by reported_at, prediction_id
limit $3

-- count_outcomes --
select count(*) from outcomes

-- ended_of --
select predictions.*, outcomes.duration_s as outcome_duration_s, outcomes.pickup_at as outcome_pickup_at,
    outcomes.reported_at, outcomes.owner as outcome_owner
from outcomes join predictions using (answered_at, prediction_id)
where ($1::text is null or predictions.owner = $1) and ($2::text is null or predictions.reference = $2)
order by prediction_id

-- months --
-- The partitions of a table, oldest first.
select relname from pg_inherits join pg_class on pg_class.oid = inhrelid
where inhparent = to_regclass($1) order by relname

-- prune_predictions --
delete from predictions where answered_at < $1

-- add_shadows --
insert into shadow_scores (answered_at, prediction_id, version, mu, sigma, duration_s)
select * from unnest($1::timestamptz[], $2::uuid[], $3::int[], $4::float8[], $5::float8[], $6::float8[])
on conflict do nothing

-- ended_shadows --
select predictions.*, outcomes.duration_s as outcome_duration_s, outcomes.pickup_at as outcome_pickup_at,
    outcomes.reported_at, outcomes.owner as outcome_owner, shadow_scores.version as shadow_version,
    shadow_scores.mu as shadow_mu, shadow_scores.sigma as shadow_sigma,
    shadow_scores.duration_s as shadow_duration_s
from outcomes join predictions using (answered_at, prediction_id)
join shadow_scores using (answered_at, prediction_id)
where shadow_scores.version = $1 and reported_at >= $2 and reported_at < $3
order by reported_at, prediction_id

-- prune_shadow_scores --
delete from shadow_scores where answered_at < $1

-- prune_outcomes --
delete from outcomes where answered_at < $1

-- erase_predictions --
with erased as (
    delete from predictions
    where ($1::text is null or owner = $1) and ($2::text is null or reference = $2)
    returning answered_at, prediction_id
), with_shadow as (
    delete from shadow_scores using erased
    where shadow_scores.answered_at = erased.answered_at and shadow_scores.prediction_id = erased.prediction_id
), with_outcome as (
    delete from outcomes using erased
    where outcomes.answered_at = erased.answered_at and outcomes.prediction_id = erased.prediction_id
    returning 1
)
select (select count(*) from erased) as predictions, (select count(*) from with_outcome) as outcomes

-- blur_predictions --
with rounded as (
    select answered_at, prediction_id,
        round(pickup_lat_deg::numeric, $2)::float8 as pickup_lat_deg,
        round(pickup_lon_deg::numeric, $2)::float8 as pickup_lon_deg,
        round(dropoff_lat_deg::numeric, $2)::float8 as dropoff_lat_deg,
        round(dropoff_lon_deg::numeric, $2)::float8 as dropoff_lon_deg
    from predictions where answered_at < $1
)
update predictions set pickup_lat_deg = rounded.pickup_lat_deg, pickup_lon_deg = rounded.pickup_lon_deg,
    dropoff_lat_deg = rounded.dropoff_lat_deg, dropoff_lon_deg = rounded.dropoff_lon_deg
from rounded
where predictions.answered_at = rounded.answered_at and predictions.prediction_id = rounded.prediction_id
    and (predictions.pickup_lat_deg, predictions.pickup_lon_deg,
        predictions.dropoff_lat_deg, predictions.dropoff_lon_deg)
    is distinct from (rounded.pickup_lat_deg, rounded.pickup_lon_deg,
        rounded.dropoff_lat_deg, rounded.dropoff_lon_deg)

-- take_turn --
-- Of this database: hashtext is the same everywhere, and advisory locks are per database.
select pg_try_advisory_lock(hashtext('turn of ' || $1))

-- give_turn_back --
select pg_advisory_unlock(hashtext('turn of ' || $1))

-- newest_ingests --
select family, part, stored_at, added, known, rejected from ingests order by ingest_id desc limit $1

-- newest_ingest --
select coalesce(max(ingest_id), 0) from ingests

-- families_of_ingests --
select ingest_id, family from ingests

-- counted_trips --
-- Short, for there are many: a spot is a zone, or a cell of a part of a degree.
select
    floor(extract(epoch from pickup_at))::bigint, ingest_id,
    coalesce(pickup_zone, -1 - (floor((pickup_lat_deg + 90) * $3)::int * $4 + floor((pickup_lon_deg + 180) * $3)::int)),
    coalesce(dropoff_zone, -1 - (floor((dropoff_lat_deg + 90) * $3)::int * $4 + floor((dropoff_lon_deg + 180) * $3)::int)),
    duration_s::float4, metered_distance_km::float4
from taxi_trips
where pickup_at >= $1 and pickup_at < $2
