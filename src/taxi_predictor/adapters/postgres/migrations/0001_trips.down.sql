drop table zones, trip_rejects, taxi_trips, ingests;
