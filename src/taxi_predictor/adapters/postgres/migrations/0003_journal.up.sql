-- What was done to models, by whom and why.
create table journal (
    entry_id bigint generated always as identity primary key,
    at       timestamptz not null,
    actor    text        not null,
    deed     text        not null,
    version  integer     not null,
    reason   text        not null
);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the journal is only written to: its entries are never changed or deleted';
end
$$;

-- Per statement, so that one that would meet no row is refused too.
create trigger journal_is_append_only
before update or delete or truncate on journal
for each statement execute function refuse_change();
