-- Which request holds each idempotency key, and its answer once there is one (status is not null).
create table idempotent_answers (
    owner       text        collate "C" not null,
    key         text        collate "C" not null,
    claim_id    uuid        not null,
    fingerprint bytea       not null,
    expires_at  timestamptz not null,
    status      smallint,
    headers     text[],
    body        bytea,
    primary key (owner, key)
);

create index idempotent_answers_by_expiry on idempotent_answers (expires_at);
