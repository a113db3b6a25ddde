-- transaction: none (an index is built concurrently outside of one)
create index concurrently if not exists trip_rejects_by_reason on trip_rejects (reason);
