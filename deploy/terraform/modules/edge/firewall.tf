# Before the load balancer: what is known to be bad, who asks too much, and paths that are not for everybody.

resource "aws_wafv2_ip_set" "admins" {
  name               = "${var.name}-admins"
  scope              = "REGIONAL"
  ip_address_version = "IPV4"
  addresses          = var.admin_networks
}

locals {
  # As the API of WAF has them: tests hold them against its model.
  rules = concat(
    [
      {
        # Which model serves is decided by administrators; figures are not for the outside at all.
        Name     = "inside-only"
        Priority = 0
        Action   = { Block = { CustomResponse = { ResponseCode = 404 } } }
        Statement = {
          AndStatement = {
            Statements = [
              {
                RegexMatchStatement = {
                  RegexString  = "^/(metrics|v1/models/([^/]+/promote|rollback))/?$"
                  FieldToMatch = { UriPath = {} }
                  TextTransformations = [
                    { Priority = 0, Type = "URL_DECODE" },
                    { Priority = 1, Type = "NORMALIZE_PATH" },
                  ]
                }
              },
              { NotStatement = { Statement = { IPSetReferenceStatement = { ARN = aws_wafv2_ip_set.admins.arn } } } },
            ]
          }
        }
        VisibilityConfig = { SampledRequestsEnabled = false, CloudWatchMetricsEnabled = true, MetricName = "inside-only" }
      },
      {
        Name             = "rate"
        Priority         = 1
        Action           = { Block = { CustomResponse = { ResponseCode = 429 } } }
        Statement        = { RateBasedStatement = { Limit = var.requests_per_5_minutes, AggregateKeyType = "IP" } }
        VisibilityConfig = { SampledRequestsEnabled = false, CloudWatchMetricsEnabled = true, MetricName = "rate" }
      },
    ],
    [
      for name, counted in local.managed : {
        Name           = name
        Priority       = 10 + index(keys(local.managed), name)
        OverrideAction = { None = {} }
        Statement = {
          ManagedRuleGroupStatement = {
            VendorName          = "AWS"
            Name                = name
            RuleActionOverrides = [for rule in counted : { Name = rule, ActionToUse = { Count = {} } }]
          }
        }
        VisibilityConfig = { SampledRequestsEnabled = false, CloudWatchMetricsEnabled = true, MetricName = name }
      }
    ],
  )
}

resource "aws_wafv2_web_acl" "this" {
  #checkov:skip=CKV_AWS_192:AWSManagedRulesKnownBadInputsRuleSet is in rule_json, which is not read for it
  #checkov:skip=CKV_AWS_175:As above
  name      = var.name
  scope     = "REGIONAL"
  rule_json = jsonencode(local.rules)
  default_action {
    allow {}
  }
  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = false
  }
}

resource "aws_wafv2_web_acl_association" "this" {
  resource_arn = aws_lb.this.arn
  web_acl_arn  = aws_wafv2_web_acl.this.arn
}

# WAF writes only to a group whose name begins like this.
resource "aws_cloudwatch_log_group" "firewall" {
  name              = "aws-waf-logs-${var.name}"
  retention_in_days = var.retention_days
  kms_key_id        = var.key_arn
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  resource_arn            = aws_wafv2_web_acl.this.arn
  log_destination_configs = [aws_cloudwatch_log_group.firewall.arn]

  # Keys are in these, and in paths of clients that cannot send headers; nobody reading a log should get one.
  redacted_fields {
    uri_path {}
  }
  redacted_fields {
    single_header {
      name = "authorization"
    }
  }
  redacted_fields {
    single_header {
      name = "x-api-key"
    }
  }
}

variable "key_arn" {
  type = string
}

variable "retention_days" {
  type = number
}
