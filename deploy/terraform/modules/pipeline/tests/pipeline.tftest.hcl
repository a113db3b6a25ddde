variables {
  name                  = "taxi-test"
  repository            = "example/taxi_predictor"
  environment           = "staging"
  account_id            = "111122223333"
  region                = "eu-west-1"
  cluster_arn           = "arn:aws:ecs:eu-west-1:111122223333:cluster/taxi-test"
  cluster_name          = "taxi-test"
  services              = ["api", "dashboard"]
  families              = ["taxi-test-api", "taxi-test-migrate"]
  one_off_families      = ["taxi-test-migrate"]
  passed_role_arns      = ["arn:aws:iam::111122223333:role/taxi-test-api"]
  repository_arns       = ["arn:aws:ecr:eu-west-1:111122223333:repository/taxi-test/api"]
  log_group_arns        = ["arn:aws:logs:eu-west-1:111122223333:log-group:/taxi-test/migrate"]
  rollout_parameter_arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/taxi-test/rollout"
}

run "only_this_repository_and_environment_gets_in" {
  command = apply
  assert {
    condition     = jsondecode(aws_iam_role.deploy.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:example/taxi_predictor:environment:staging"
    error_message = "Another repository, branch or environment could deploy."
  }
  assert {
    condition     = jsondecode(aws_iam_role.deploy.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    error_message = "A token made for somebody else would do."
  }
}

run "roles_are_passed_to_tasks_alone" {
  command = apply
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.deploy.policy).Statement :
      statement.Condition.StringEquals["iam:PassedToService"] == "ecs-tasks.amazonaws.com" && !contains(statement.Resource, "*")
      if statement.Action == "iam:PassRole"
    ])
    error_message = "A role could be passed to anything."
  }
}

run "nothing_that_has_a_name_is_allowed_for_all" {
  command = apply
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.deploy.policy).Statement :
      !contains(flatten([statement.Resource]), "*") if statement.Sid != "KnowsNoResource"
    ])
    error_message = "Something with a name is allowed for all."
  }
}

run "a_pattern_is_no_repository" {
  command = plan
  variables {
    repository = "example/*"
  }
  expect_failures = [var.repository]
}
