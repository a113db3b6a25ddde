variables {
  name      = "taxi-test"
  key_arn   = "arn:aws:kms:eu-west-1:111122223333:key/k"
  resources = ["arn:aws:rds:eu-west-1:111122223333:db:taxi-test", "arn:aws:s3:::taxi-test-artifacts"]
  topic_arn = "arn:aws:sns:eu-west-1:111122223333:taxi-test"
}

run "the_database_and_the_models_are_copied_every_day" {
  command = plan
  assert {
    condition     = length(aws_backup_selection.this.resources) == 2
    error_message = "Something is not backed up."
  }
  assert {
    condition     = anytrue([for rule in aws_backup_plan.this.rule : rule.rule_name == "daily" && one(rule.lifecycle).delete_after == 35])
    error_message = "There is no daily copy."
  }
}

run "nobody_deletes_the_newest_copies" {
  command = plan
  assert {
    condition     = aws_backup_vault_lock_configuration.this.min_retention_days == 7
    error_message = "A copy can be deleted at once."
  }
}

run "nothing_to_back_up_is_refused" {
  command = plan
  variables {
    resources = []
  }
  expect_failures = [var.resources]
}
