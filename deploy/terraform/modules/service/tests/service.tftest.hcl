variables {
  name                = "api"
  cluster_arn         = "arn:aws:ecs:eu-west-1:111122223333:cluster/taxi-test"
  cluster_name        = "taxi-test"
  task_definition_arn = "arn:aws:ecs:eu-west-1:111122223333:task-definition/taxi-test-api:1"
  subnets             = ["subnet-1", "subnet-2"]
  security_group_id   = "sg-1"
  count_of_tasks      = { min = 2, max = 4 }
  balanced            = { target_group_arn = "arn:blue", port = 8000 }
  rollback_alarms     = ["taxi-test-failures", "taxi-test-slow"]
  blue_green = {
    alternate_target_group_arn = "arn:green"
    production_rule_arn        = "arn:rule"
    test_rule_arn              = "arn:test"
    role_arn                   = "arn:aws:iam::111122223333:role/balancer"
    bake_minutes               = 5
  }
}

run "blue_is_exchanged_for_green_and_back_where_it_is_no_good" {
  command = plan
  assert {
    condition     = one(aws_ecs_service.this.deployment_configuration).strategy == "BLUE_GREEN" && tonumber(one(aws_ecs_service.this.deployment_configuration).bake_time_in_minutes) == 5
    error_message = "The exchange is not blue for green, or nobody watches it."
  }
  assert {
    condition     = one(aws_ecs_service.this.deployment_circuit_breaker).enable && one(aws_ecs_service.this.deployment_circuit_breaker).rollback
    error_message = "Tasks that do not start are tried for ever."
  }
  assert {
    condition     = one(aws_ecs_service.this.alarms).rollback && length(one(aws_ecs_service.this.alarms).alarm_names) == 2
    error_message = "No alarm takes a bad release back."
  }
}

run "tasks_have_no_address_of_the_internet" {
  command = plan
  assert {
    condition     = one(aws_ecs_service.this.network_configuration).assign_public_ip == false
    error_message = "Tasks have public addresses."
  }
  assert {
    condition     = aws_ecs_service.this.enable_execute_command == false
    error_message = "Somebody can open a shell in a task."
  }
}

run "it_scales_by_load" {
  command = plan
  assert {
    condition     = aws_appautoscaling_target.this[0].min_capacity == 2 && aws_appautoscaling_target.this[0].max_capacity == 4
    error_message = "It does not scale between the bounds that were given."
  }
  assert {
    condition     = one(aws_appautoscaling_policy.cpu[0].target_tracking_scaling_policy_configuration).target_value == 60
    error_message = "It does not scale by load."
  }
}

run "one_that_must_be_alone_is" {
  command = plan
  variables {
    name            = "mlflow"
    count_of_tasks  = { min = 1, max = 1 }
    only_one        = true
    balanced        = null
    blue_green      = null
    rollback_alarms = []
  }
  assert {
    condition     = aws_ecs_service.this.deployment_maximum_percent == 100 && aws_ecs_service.this.deployment_minimum_healthy_percent == 0
    error_message = "Two would run at once during a deployment."
  }
  assert {
    condition     = length(aws_appautoscaling_target.this) == 0 && one(aws_ecs_service.this.deployment_configuration).strategy == "ROLLING"
    error_message = "It scales, or is exchanged blue for green."
  }
}

run "none_at_all_is_refused" {
  command = plan
  variables {
    count_of_tasks = { min = 0, max = 4 }
  }
  expect_failures = [var.count_of_tasks]
}
