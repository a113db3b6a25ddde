variables {
  name                   = "taxi-test"
  vpc_id                 = "vpc-1"
  subnets                = ["subnet-1", "subnet-2"]
  zone_id                = "Z1"
  api_name               = "api.example.com"
  dashboard_name         = "dashboard.example.com"
  log_bucket             = "taxi-test-logs"
  admin_networks         = ["203.0.113.0/24"]
  requests_per_5_minutes = 3000
  deletion_protection    = true
  key_arn                = "arn:aws:kms:eu-west-1:111122223333:key/k"
  retention_days         = 90
}

run "there_is_a_listener_and_it_speaks_tls" {
  command = plan
  assert {
    condition     = aws_lb_listener.https.protocol == "HTTPS" && startswith(aws_lb_listener.https.ssl_policy, "ELBSecurityPolicy-TLS13")
    error_message = "There is no listener with TLS 1.2 or newer."
  }
  assert {
    condition     = one(aws_lb_listener.https.default_action).type == "fixed-response"
    error_message = "A name that is not ours is answered."
  }
}

run "clear_text_is_sent_to_tls" {
  command = plan
  assert {
    condition     = one(aws_lb_listener.http.default_action).type == "redirect" && one(one(aws_lb_listener.http.default_action).redirect).protocol == "HTTPS"
    error_message = "HTTP is answered in clear."
  }
}

run "both_colours_have_a_place_and_are_asked_whether_they_are_ready" {
  command = plan
  assert {
    condition     = toset(keys(aws_lb_target_group.api)) == toset(["blue", "green"])
    error_message = "Blue and green need a target group each."
  }
  assert {
    condition     = alltrue([for group in aws_lb_target_group.api : one(group.health_check).path == "/health/ready" && group.target_type == "ip"])
    error_message = "The wrong question decides whether a task gets requests."
  }
}

run "who_asked_is_written_down_and_bad_headers_are_dropped" {
  command = plan
  assert {
    condition     = one(aws_lb.this.access_logs).enabled && one(aws_lb.this.access_logs).bucket == "taxi-test-logs"
    error_message = "There is no access log."
  }
  assert {
    condition     = aws_lb.this.drop_invalid_header_fields && aws_lb.this.enable_deletion_protection
    error_message = "Invalid headers get through, or the door can be deleted."
  }
}

run "a_firewall_stands_before_it" {
  command = plan
  assert {
    condition     = toset([for rule in local.rules : rule.Name]) == toset(["inside-only", "rate", "AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"])
    error_message = "A rule of the firewall is missing."
  }
  assert {
    condition     = length(distinct([for rule in local.rules : rule.Priority])) == length(local.rules)
    error_message = "Two rules would have one place."
  }
}

run "green_is_seen_by_administrators_alone" {
  command = plan
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.test : rule.cidr_ipv4 != "0.0.0.0/0" && rule.from_port == 8443])
    error_message = "Everybody sees green."
  }
}

run "the_whole_internet_is_no_administrator" {
  command = plan
  variables {
    admin_networks = ["0.0.0.0/0"]
  }
  expect_failures = [var.admin_networks]
}
