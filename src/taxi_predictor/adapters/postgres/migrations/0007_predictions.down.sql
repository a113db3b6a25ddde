drop function make_month;
drop table shadow_scores, outcomes, predictions;
