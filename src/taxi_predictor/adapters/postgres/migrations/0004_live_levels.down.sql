drop table live_levels;
