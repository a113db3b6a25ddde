-- The roles stay: other databases of the server may know them too.
do $$
declare
    role text;
begin
    foreach role in array array['taxi_reader', 'taxi_writer'] loop
        if to_regrole(role) is not null then
            execute format('revoke all on all tables in schema %I from %I', current_schema(), role);
            execute format('revoke all on schema %I from %I', current_schema(), role);
            execute format('revoke all on function make_month from %I', role);
        end if;
    end loop;
end
$$;
