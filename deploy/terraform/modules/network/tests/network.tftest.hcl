variables {
  name           = "taxi-test"
  cidr           = "10.40.0.0/16"
  zones          = ["eu-west-1a", "eu-west-1b"]
  nat_per_zone   = true
  region         = "eu-west-1"
  key_arn        = "arn:aws:kms:eu-west-1:111122223333:key/k"
  retention_days = 30
}

run "nothing_gets_an_address_of_the_internet_by_itself" {
  command = plan
  assert {
    condition     = alltrue([for subnet in aws_subnet.public : subnet.map_public_ip_on_launch == false])
    error_message = "A public subnet hands out public addresses."
  }
}

run "each_zone_has_its_own_way_out" {
  command = plan
  assert {
    condition     = length(aws_nat_gateway.this) == 2 && length(aws_route.nat) == 2
    error_message = "With nat_per_zone, each zone needs a gateway."
  }
}

run "one_gateway_where_that_is_enough" {
  command = plan
  variables {
    nat_per_zone = false
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.nat) == 2
    error_message = "Without nat_per_zone, both zones go out by one gateway."
  }
}

run "data_has_no_way_out" {
  command = plan
  assert {
    condition     = !contains([for subnet in aws_subnet.data : subnet.cidr_block], aws_subnet.public["eu-west-1a"].cidr_block)
    error_message = "Data lies in a public subnet."
  }
  # Only the tables `public` and `private` have routes: were there one for data, it would be a third resource.
  assert {
    condition     = length(aws_route.nat) + 1 == 3
    error_message = "There is a route that this test does not know."
  }
}

run "who_talks_to_whom_is_written_down" {
  command = plan
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.retention_in_days == 30
    error_message = "Flow logs are missing or kept for ever."
  }
}

run "images_logs_and_secrets_come_without_nat" {
  command = plan
  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["ecr.api", "ecr.dkr", "logs", "secretsmanager"])
    error_message = "An endpoint is missing."
  }
  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway"
    error_message = "S3 should be reached by the gateway, which costs nothing."
  }
}

run "a_network_of_another_size_is_refused" {
  command = plan
  variables {
    cidr = "10.40.0.0/24"
  }
  expect_failures = [var.cidr]
}

run "one_zone_is_refused" {
  command = plan
  variables {
    zones = ["eu-west-1a"]
  }
  expect_failures = [var.zones]
}
