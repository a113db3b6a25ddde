-- transaction: none
drop index concurrently if exists trip_rejects_by_reason;
