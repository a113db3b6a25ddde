variables {
  name                = "taxi-test"
  account_id          = "111122223333"
  key_arn             = "arn:aws:kms:eu-west-1:111122223333:key/k"
  emails              = ["on-call@example.com"]
  balancer            = "app/taxi-test/1"
  target_groups       = { blue = "targetgroup/blue/1", green = "targetgroup/green/1" }
  database_id         = "taxi-test"
  database_storage_gb = 50
  cache_id            = "taxi-test"
  cluster_name        = "taxi-test"
  services            = ["api", "dashboard", "mlflow", "monitor"]
  api_log_group       = "/taxi-test/api"
  monthly_budget_usd  = 500
}

run "somebody_is_told_by_every_alarm" {
  command = apply
  assert {
    condition = alltrue([
      for alarm in concat(
        values(aws_cloudwatch_metric_alarm.much), values(aws_cloudwatch_metric_alarm.scarce), values(aws_cloudwatch_metric_alarm.gone),
        [aws_cloudwatch_metric_alarm.failures, aws_cloudwatch_metric_alarm.slow],
      ) : contains(alarm.alarm_actions, aws_sns_topic.this.arn)
    ])
    error_message = "An alarm tells nobody."
  }
}

run "a_bad_release_is_noticed" {
  command = apply
  assert {
    condition     = output.rollback_alarms == ["taxi-test-failures", "taxi-test-slow"]
    error_message = "Nothing takes a deployment back."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.slow.threshold == 0.2 && aws_cloudwatch_metric_alarm.slow.extended_statistic == "p95"
    error_message = "Slow is not what the bake of a release takes it for."
  }
}

run "a_service_that_is_gone_is_noticed_though_it_measures_nothing" {
  command = plan
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.gone) == 4 && alltrue([for alarm in aws_cloudwatch_metric_alarm.gone : alarm.treat_missing_data == "breaching"])
    error_message = "A service that is gone measures nothing, and nobody hears of it."
  }
}

run "a_disk_that_fills_is_noticed" {
  command = plan
  assert {
    condition     = aws_cloudwatch_metric_alarm.scarce["database-storage"].threshold == 5000000000
    error_message = "A tenth of the storage should be free."
  }
}

run "it_may_not_cost_what_it_likes" {
  command = plan
  assert {
    condition     = aws_budgets_budget.this.limit_amount == "500" && length(aws_budgets_budget.this.notification) == 2
    error_message = "There is no budget."
  }
}

run "nobody_to_tell_is_refused" {
  command = plan
  variables {
    emails = []
  }
  expect_failures = [var.emails]
}
