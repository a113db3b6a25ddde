drop table journal;
drop function refuse_change();
