# Run with either of environments/*.tfvars: terraform test -var-file=environments/prod.tfvars

run "no_secret_is_told_in_clear" {
  command = plan
  assert {
    condition     = alltrue([for name, value in local.values : !can(regex("://[^/@]*:[^/@]*@", value)) if !contains(["redis_url", "database_host", "master_secret", "database_ca", "app_url", "owner_url", "dashboard_url", "mlflow_url", "role_passwords", "artifacts"], name)])
    error_message = "An address with a password is told in clear."
  }
}

run "the_registry_is_asked_by_http_and_keeps_its_artifacts_in_s3" {
  command = plan
  assert {
    condition     = local.values.mlflow_uri == "http://mlflow.taxi.internal:5000"
    error_message = "S3 is no registry: MLflow's server is, and it keeps artifacts there."
  }
}

run "who_may_talk_to_the_database_is_said" {
  command = plan
  assert {
    condition     = toset([for flow in local.flows : flow.from if flow.to == "database"]) == toset(["api", "dashboard", "mlflow", "monitor", "migrate", "jobs", "roles"])
    error_message = "Somebody else reaches the database, or somebody does not."
  }
  assert {
    condition     = alltrue([for flow in local.flows : flow.to == "api" || flow.to == "dashboard" if flow.from == "edge"])
    error_message = "The load balancer reaches more than it shows."
  }
}

run "both_colours_fit_into_the_connections_of_the_database" {
  command = plan
  assert {
    # Two workers and the process beside them have two connections each; the monitor has two.
    condition     = 2 * var.api_tasks.max * 3 * 2 + 2 <= 60
    error_message = "taxi_app may have 60 connections."
  }
}

run "a_tag_is_no_image" {
  command = plan
  variables {
    images = { api = "api:latest", dashboard = "d:1", jobs = "j:1", mlflow = "m:1", roles = "r:1" }
  }
  expect_failures = [var.images]
}

run "there_are_two_environments" {
  command = plan
  variables {
    environment = "playground"
  }
  expect_failures = [var.environment]
}
