-- Two roles to be granted to users: taxi_reader looks at everything but secrets, as a dashboard or an
-- analyst does; taxi_writer does what the service does, and cannot change or remove what was logged.
-- Roles belong to the whole server, so they may be there already; and where the owner of this database
-- may not make any, somebody else has to before this is applied: nothing else depends on them, and
-- `migrate --to 7` and `migrate` again grants what was not.
do $$
declare
    role text;
begin
    foreach role in array array['taxi_reader', 'taxi_writer'] loop
        begin
            if to_regrole(role) is null then
                execute format('create role %I nologin', role);
            end if;
        exception
            when duplicate_object or unique_violation then
                null; -- somebody else made it meanwhile, for another database
            when insufficient_privilege then
                raise notice 'role % is not made: % may not make roles', role, current_user;
                return;
        end;
    end loop;

    execute format('grant usage on schema %I to taxi_reader, taxi_writer', current_schema());
    grant select on migrations, ingests, taxi_trips, trip_rejects, zones, journal, live_levels, predictions, outcomes,
        shadow_scores to taxi_reader, taxi_writer;
    grant insert on journal, predictions, outcomes, shadow_scores to taxi_writer;
    grant insert, update on live_levels to taxi_writer;
    grant select, insert, update, delete on idempotent_answers to taxi_writer;
    grant select on api_keys to taxi_writer;
    -- Outcomes become trips.
    grant insert, update on ingests to taxi_writer;
    grant insert on taxi_trips to taxi_writer;
    grant insert, delete on trip_rejects to taxi_writer;
    grant execute on function make_month to taxi_writer;
end
$$;
