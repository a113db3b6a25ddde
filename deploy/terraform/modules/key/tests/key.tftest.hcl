variables {
  name       = "taxi-test"
  account_id = "111122223333"
  region     = "eu-west-1"
}

run "it_rotates_and_is_not_gone_at_once" {
  command = plan
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key must rotate, and a deletion must leave time to think."
  }
}

run "a_service_may_use_it_for_this_account_only" {
  command = plan
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_kms_key.this.policy).Statement :
      can(statement.Condition) if can(statement.Principal.Service)
    ])
    error_message = "A service may use the key on anybody's behalf."
  }
}
