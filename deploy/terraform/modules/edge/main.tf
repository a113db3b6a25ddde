# The door: names, a certificate, TLS, a firewall, and where requests go from there.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "name" {
  description = "What everything is called by."
  type        = string
}

variable "vpc_id" {
  type = string
}

variable "subnets" {
  description = "Public subnets in two zones."
  type        = list(string)
}

variable "zone_id" {
  description = "The hosted zone that both names are in."
  type        = string
}

variable "api_name" {
  type = string
}

variable "dashboard_name" {
  type = string
}

variable "log_bucket" {
  description = "Who asked for what is written there."
  type        = string
}

variable "admin_networks" {
  description = "Networks that may promote models over the API, and see green before it serves."
  type        = list(string)
  validation {
    condition     = alltrue([for network in var.admin_networks : can(cidrhost(network, 0)) && !endswith(network, "/0")])
    error_message = "Networks such as 203.0.113.0/24; never the whole internet."
  }
}

variable "requests_per_5_minutes" {
  description = "What one address may ask in five minutes, before the API counts by key."
  type        = number
  validation {
    condition     = var.requests_per_5_minutes >= 10
    error_message = "WAF counts from 10 on."
  }
}

variable "deletion_protection" {
  type = bool
}

locals {
  colours = ["blue", "green"]
  # Rules that AWS keeps, and those of them that would refuse what the API is made for: bodies over 8 kB are
  # batches, and routing programs such as VROOM ask without a User-Agent.
  managed = {
    AWSManagedRulesAmazonIpReputationList = []
    AWSManagedRulesKnownBadInputsRuleSet  = []
    AWSManagedRulesCommonRuleSet          = ["SizeRestrictions_BODY", "NoUserAgent_HEADER"]
  }
}

resource "aws_security_group" "this" {
  name        = "${var.name}-edge"
  description = "The load balancer; where it may go is said by each task"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-edge" }
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  security_group_id = aws_security_group.this.id
  description       = "Everybody, by TLS"
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "http" {
  #checkov:skip=CKV_AWS_260:All that is answered there is a redirect to TLS
  security_group_id = aws_security_group.this.id
  description       = "Everybody, to be sent to TLS"
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = 80
  to_port           = 80
  ip_protocol       = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "test" {
  for_each          = toset(var.admin_networks)
  security_group_id = aws_security_group.this.id
  description       = "Administrators, to green"
  cidr_ipv4         = each.key
  from_port         = 8443
  to_port           = 8443
  ip_protocol       = "tcp"
}

resource "aws_acm_certificate" "this" {
  domain_name               = var.api_name
  subject_alternative_names = [var.dashboard_name]
  validation_method         = "DNS"
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "proof" {
  for_each        = toset([var.api_name, var.dashboard_name])
  zone_id         = var.zone_id
  allow_overwrite = true
  ttl             = 300
  name            = one([for option in aws_acm_certificate.this.domain_validation_options : option.resource_record_name if option.domain_name == each.key])
  type            = one([for option in aws_acm_certificate.this.domain_validation_options : option.resource_record_type if option.domain_name == each.key])
  records         = [one([for option in aws_acm_certificate.this.domain_validation_options : option.resource_record_value if option.domain_name == each.key])]
}

resource "aws_acm_certificate_validation" "this" {
  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}

resource "aws_lb" "this" {
  #checkov:skip=CKV2_AWS_76:AWSManagedRulesKnownBadInputsRuleSet is in rule_json, which is not read for it
  #checkov:skip=CKV_AWS_150:Deletion protection is a variable: prod has it
  name                       = var.name
  load_balancer_type         = "application"
  internal                   = false
  subnets                    = var.subnets
  security_groups            = [aws_security_group.this.id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  enable_deletion_protection = var.deletion_protection
  # Longer than TAXI_API_DEADLINE_S, so that it is the API that gives a request up and says so.
  idle_timeout = 60

  access_logs {
    bucket  = var.log_bucket
    prefix  = "edge"
    enabled = true
  }
}

resource "aws_lb_target_group" "api" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; behind it is a network of our own
  for_each             = toset(local.colours)
  name                 = "${var.name}-${each.key}"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = 8000
  deregistration_delay = 60

  health_check {
    path                = "/health/ready"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_target_group" "dashboard" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; behind it is a network of our own
  name                 = "${var.name}-dashboard"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = 5006
  deregistration_delay = 30

  health_check {
    path                = "/health/live"
    matcher             = "200"
    interval            = 15
    timeout             = 6
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  # A page is drawn by the task that it began with.
  stickiness {
    type    = "lb_cookie"
    enabled = true
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"
  default_action {
    type = "redirect"
    redirect {
      protocol    = "HTTPS"
      port        = "443"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = aws_acm_certificate_validation.this.certificate_arn

  routing_http_response_server_enabled                         = false
  routing_http_response_strict_transport_security_header_value = "max-age=63072000; includeSubDomains"
  routing_http_response_x_content_type_options_header_value    = "nosniff"

  # Whoever asks for another name gets nothing.
  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }
}

# Green before it serves, for administrators alone.
resource "aws_lb_listener" "test" {
  load_balancer_arn = aws_lb.this.arn
  port              = 8443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = aws_acm_certificate_validation.this.certificate_arn

  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }
}

resource "aws_lb_listener_rule" "api" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 10
  condition {
    host_header {
      values = [var.api_name]
    }
  }
  action {
    type = "forward"
    forward {
      target_group {
        arn    = aws_lb_target_group.api["blue"].arn
        weight = 100
      }
      target_group {
        arn    = aws_lb_target_group.api["green"].arn
        weight = 0
      }
    }
  }
  lifecycle {
    # ECS moves the weights when it exchanges blue for green.
    ignore_changes = [action]
  }
}

resource "aws_lb_listener_rule" "test" {
  listener_arn = aws_lb_listener.test.arn
  priority     = 10
  condition {
    host_header {
      values = [var.api_name]
    }
  }
  action {
    type = "forward"
    forward {
      target_group {
        arn    = aws_lb_target_group.api["blue"].arn
        weight = 0
      }
      target_group {
        arn    = aws_lb_target_group.api["green"].arn
        weight = 100
      }
    }
  }
  lifecycle {
    ignore_changes = [action]
  }
}

resource "aws_lb_listener_rule" "dashboard" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 20
  condition {
    host_header {
      values = [var.dashboard_name]
    }
  }
  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.dashboard.arn
  }
}

resource "aws_route53_record" "name" {
  for_each = toset([var.api_name, var.dashboard_name])
  zone_id  = var.zone_id
  name     = each.key
  type     = "A"
  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = true
  }
}

# What ECS may do to move requests from one colour to the other.
resource "aws_iam_role" "shift" {
  name = "${var.name}-shift"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "shift" {
  role       = aws_iam_role.shift.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers"
}

output "arn_suffix" {
  value = aws_lb.this.arn_suffix
}

output "security_group_id" {
  value = aws_security_group.this.id
}

output "target_groups" {
  value = { for colour, group in aws_lb_target_group.api : colour => { arn = group.arn, suffix = group.arn_suffix } }
}

output "dashboard_target_group_arn" {
  value = aws_lb_target_group.dashboard.arn
}

output "production_rule_arn" {
  value = aws_lb_listener_rule.api.arn
}

output "test_rule_arn" {
  value = aws_lb_listener_rule.test.arn
}

output "shift_role_arn" {
  value = aws_iam_role.shift.arn
}
