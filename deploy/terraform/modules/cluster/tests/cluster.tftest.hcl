variables {
  name   = "taxi-test"
  vpc_id = "vpc-1"
}

run "tasks_are_seen" {
  command = plan
  assert {
    condition     = one(aws_ecs_cluster.this.setting).value == "enhanced"
    error_message = "Container Insights is off."
  }
}

run "names_are_private" {
  command = plan
  assert {
    condition     = aws_service_discovery_private_dns_namespace.this.vpc == "vpc-1"
    error_message = "Names of tasks are not those of the network."
  }
}
