# What is measured, when somebody is told, and what it may cost.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "name" {
  description = "What everything is called by."
  type        = string
}

variable "account_id" {
  type = string
}

variable "key_arn" {
  type = string
}

variable "emails" {
  description = "Who is told."
  type        = list(string)
  validation {
    condition     = length(var.emails) > 0
    error_message = "Somebody has to be told."
  }
}

variable "balancer" {
  description = "The load balancer, as its metrics name it."
  type        = string
}

variable "target_groups" {
  description = "Colour to its target group, as metrics name it."
  type        = map(string)
}

variable "database_id" {
  type = string
}

variable "database_storage_gb" {
  type = number
}

variable "cache_id" {
  type = string
}

variable "cluster_name" {
  type = string
}

variable "services" {
  description = "Services of which at least one task has to run."
  type        = set(string)
}

variable "api_log_group" {
  description = "Where the API logs, as JSON."
  type        = string
}

variable "monthly_budget_usd" {
  description = "What a month may cost before somebody is told."
  type        = number
  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "A budget is more than nothing."
  }
}

locals {
  # Metrics of one thing each: namespace, metric, which, statistic, and when it is too much.
  alarms = {
    unready-blue  = { namespace = "AWS/ApplicationELB", metric = "UnHealthyHostCount", of = { LoadBalancer = var.balancer, TargetGroup = var.target_groups["blue"] }, statistic = "Maximum", above = 0, minutes = 5 }
    unready-green = { namespace = "AWS/ApplicationELB", metric = "UnHealthyHostCount", of = { LoadBalancer = var.balancer, TargetGroup = var.target_groups["green"] }, statistic = "Maximum", above = 0, minutes = 5 }
    door          = { namespace = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", of = { LoadBalancer = var.balancer }, statistic = "Sum", above = 10, minutes = 5 }
    database-cpu  = { namespace = "AWS/RDS", metric = "CPUUtilization", of = { DBInstanceIdentifier = var.database_id }, statistic = "Average", above = 80, minutes = 15 }
    cache-memory  = { namespace = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", of = { CacheClusterId = "${var.cache_id}-001" }, statistic = "Maximum", above = 80, minutes = 15 }
    errors        = { namespace = var.name, metric = "ErrorsLogged", of = {}, statistic = "Sum", above = 10, minutes = 5 }
  }
  # And when it is too little.
  scarce = {
    database-storage = { namespace = "AWS/RDS", metric = "FreeStorageSpace", of = { DBInstanceIdentifier = var.database_id }, below = var.database_storage_gb * 100000000 }
    database-memory  = { namespace = "AWS/RDS", metric = "FreeableMemory", of = { DBInstanceIdentifier = var.database_id }, below = 128000000 }
  }
}

resource "aws_sns_topic" "this" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.key_arn
}

resource "aws_sns_topic_policy" "this" {
  arn = aws_sns_topic.this.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ServicesOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com", "backup.amazonaws.com"] }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.this.arn
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each  = toset(var.emails)
  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_log_metric_filter" "errors" {
  name           = "${var.name}-errors"
  log_group_name = var.api_log_group
  pattern        = "{ ($.level = \"error\") || ($.level = \"critical\") }"
  metric_transformation {
    namespace     = var.name
    name          = "ErrorsLogged"
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "much" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.of
  statistic           = each.value.statistic
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  period              = 60
  evaluation_periods  = each.value.minutes
  datapoints_to_alarm = each.value.minutes
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

resource "aws_cloudwatch_metric_alarm" "scarce" {
  for_each            = local.scarce
  alarm_name          = "${var.name}-${each.key}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.of
  statistic           = "Minimum"
  comparison_operator = "LessThanThreshold"
  threshold           = each.value.below
  period              = 300
  evaluation_periods  = 3
  treat_missing_data  = "missing"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

resource "aws_cloudwatch_metric_alarm" "gone" {
  for_each            = var.services
  alarm_name          = "${var.name}-${each.key}-gone"
  namespace           = "ECS/ContainerInsights"
  metric_name         = "RunningTaskCount"
  dimensions          = { ClusterName = var.cluster_name, ServiceName = each.key }
  statistic           = "Minimum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 5
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

# These two take a deployment back, as the bake of a release on one machine does: one in a hundred fails,
# or one in twenty takes longer than 200 ms.
resource "aws_cloudwatch_metric_alarm" "failures" {
  alarm_name          = "${var.name}-failures"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0.01
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]

  metric_query {
    id          = "share"
    expression  = "FILL(failed, 0) / asked"
    label       = "Share of requests that failed"
    return_data = true
  }
  metric_query {
    id = "failed"
    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_Target_5XX_Count"
      dimensions  = { LoadBalancer = var.balancer }
      stat        = "Sum"
      period      = 60
    }
  }
  metric_query {
    id = "asked"
    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "RequestCount"
      dimensions  = { LoadBalancer = var.balancer }
      stat        = "Sum"
      period      = 60
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "slow" {
  alarm_name          = "${var.name}-slow"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "TargetResponseTime"
  dimensions          = { LoadBalancer = var.balancer }
  extended_statistic  = "p95"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0.2
  period              = 60
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

resource "aws_budgets_budget" "this" {
  name         = var.name
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }
    content {
      comparison_operator        = "GREATER_THAN"
      notification_type          = notification.key
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = var.emails
    }
  }
}

output "topic_arn" {
  value = aws_sns_topic.this.arn
}

output "rollback_alarms" {
  value = [aws_cloudwatch_metric_alarm.failures.alarm_name, aws_cloudwatch_metric_alarm.slow.alarm_name]
}
