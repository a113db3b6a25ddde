drop function make_month;
drop table outcomes, predictions;
