-- Of a key's secret only its SHA-256: who reads this table can ask nothing with it.
create table api_keys (
    key_id     text        primary key,
    name       text        not null, -- several keys have the same while they are rotated
    digest     text        not null,
    scopes     text[]      not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz
);
