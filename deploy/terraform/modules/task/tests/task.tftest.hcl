variables {
  name     = "api"
  prefix   = "taxi-test"
  template = "../../../ecs/api.json"
  values = {
    region           = "eu-west-1"
    api_image        = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/taxi/api@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    api_name         = "api.example.com"
    vpc_cidr         = "10.40.0.0/16"
    mlflow_uri       = "http://mlflow.taxi.internal:5000"
    redis_url        = "rediss://cache:6379"
    app_url          = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:taxi-test/app_url"
    database_ca      = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:taxi-test/database_ca"
    cpu_architecture = "ARM64"
  }
  vpc_id          = "vpc-1"
  key_arn         = "arn:aws:kms:eu-west-1:111122223333:key/k"
  secret_arns     = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:taxi-test/app_url"]
  repository_arns = ["arn:aws:ecr:eu-west-1:111122223333:repository/taxi/api"]
  retention_days  = 90
}

run "no_secret_is_in_the_environment" {
  command = apply
  assert {
    condition = alltrue(flatten([
      for container in jsondecode(aws_ecs_task_definition.this.container_definitions) : [
        for pair in container.environment : !can(regex("://[^/@]*:[^/@]*@", pair.value))
      ]
    ]))
    error_message = "An address with a password stands in the environment."
  }
  assert {
    condition = alltrue(flatten([
      for container in jsondecode(aws_ecs_task_definition.this.container_definitions) : [
        for pair in container.secrets : startswith(pair.valueFrom, "arn:aws:secretsmanager:")
      ]
    ]))
    error_message = "A secret comes from elsewhere."
  }
}

run "a_container_may_do_no_more_than_it_needs" {
  command = apply
  assert {
    condition = alltrue([
      for container in jsondecode(aws_ecs_task_definition.this.container_definitions) :
      container.readonlyRootFilesystem && container.user != "0" && contains(container.linuxParameters.capabilities.drop, "ALL")
    ])
    error_message = "A container may write its root, is root, or has capabilities."
  }
}

run "an_image_is_named_by_its_digest" {
  command = apply
  assert {
    condition = alltrue([
      for container in jsondecode(aws_ecs_task_definition.this.container_definitions) :
      can(regex("@sha256:[0-9a-f]{64}$", container.image))
    ])
    error_message = "An image is named by a tag."
  }
}

run "its_log_ends_and_is_encrypted" {
  command = plan
  assert {
    condition     = aws_cloudwatch_log_group.this.retention_in_days == 90 && aws_cloudwatch_log_group.this.kms_key_id == var.key_arn
    error_message = "Its log is kept for ever, or in clear."
  }
}

run "it_reads_its_own_secrets_alone" {
  command = apply
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement :
      !contains(flatten([statement.Resource]), "*") if statement.Sid != "SignInToTheRegistry"
    ])
    error_message = "A role may do something with everything."
  }
  assert {
    condition     = length(aws_iam_role_policy.task) == 0
    error_message = "The API asks AWS for nothing while it runs."
  }
}
