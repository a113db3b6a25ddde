variables {
  name    = "taxi-test"
  key_arn = "arn:aws:kms:eu-west-1:111122223333:key/k"
  secrets = { app_url = "The database, as the API's user", owner_url = "The database, as its owner" }
}

run "each_has_a_place_under_our_key" {
  command = plan
  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : secret.kms_key_id == var.key_arn])
    error_message = "A secret is not encrypted by our key."
  }
  assert {
    condition     = aws_secretsmanager_secret.this["app_url"].name == "taxi-test/app_url"
    error_message = "Names are not those that `apps/ecs secrets` fills."
  }
}

run "a_deleted_one_can_be_had_back" {
  command = plan
  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : secret.recovery_window_in_days >= 7])
    error_message = "A deletion would be final."
  }
}
