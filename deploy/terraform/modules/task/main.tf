# One task definition with what belongs to it: its log, its security group, and roles that may do what it needs.
# What it runs is said in deploy/ecs/NAME.json, which `python -m taxi_predictor.apps.ecs write` makes of the settings.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "name" {
  description = "Which of deploy/ecs it is."
  type        = string
}

variable "prefix" {
  description = "What everything is called by."
  type        = string
}

variable "template" {
  description = "Path of its JSON, whose names in braces stand for values."
  type        = string
}

variable "values" {
  description = "What stands for the names in the JSON; roles and the log group are added here."
  type        = map(string)
}

variable "vpc_id" {
  type = string
}

variable "key_arn" {
  type = string
}

variable "secret_arns" {
  description = "Secrets that it is given when it starts."
  type        = list(string)
}

variable "repository_arns" {
  description = "Repositories that its image comes from; none: a public registry."
  type        = list(string)
}

variable "statements" {
  description = "What it may do with AWS while it runs, beyond nothing."
  type        = any
  default     = []
}

variable "retention_days" {
  description = "How long its log is kept."
  type        = number
}

locals {
  full_name = "${var.prefix}-${var.name}"
  values = merge(var.values, {
    family         = local.full_name
    log_group      = aws_cloudwatch_log_group.this.name
    execution_role = aws_iam_role.execution.arn
    task_role      = aws_iam_role.task.arn
  })
  definition = jsondecode(templatefile(var.template, local.values))
  by_tasks = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }]
  })
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.prefix}/${var.name}"
  retention_in_days = var.retention_days
  kms_key_id        = var.key_arn
}

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:Services and one-off tasks are started in it
  name        = local.full_name
  description = "Tasks of ${var.name}; who talks to whom stands in flows.tf"
  vpc_id      = var.vpc_id
  tags        = { Name = local.full_name }
}

# Who starts it: fetches the image, hands over the secrets, opens the log.
resource "aws_iam_role" "execution" {
  name               = "${local.full_name}-execution"
  assume_role_policy = local.by_tasks
}

resource "aws_iam_role_policy" "execution" {
  name = "start"
  role = aws_iam_role.execution.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for statement in [
        {
          Sid      = "WriteItsLog"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
        },
        {
          Sid      = "SignInToTheRegistry"
          Effect   = "Allow"
          Action   = ["ecr:GetAuthorizationToken"]
          Resource = length(var.repository_arns) == 0 ? [] : ["*"]
        },
        {
          Sid      = "FetchItsImage"
          Effect   = "Allow"
          Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
          Resource = var.repository_arns
        },
        {
          Sid      = "ReadItsSecrets"
          Effect   = "Allow"
          Action   = ["secretsmanager:GetSecretValue"]
          Resource = var.secret_arns
        },
        {
          Sid      = "OpenThem"
          Effect   = "Allow"
          Action   = ["kms:Decrypt"]
          Resource = length(var.secret_arns) == 0 ? [] : [var.key_arn]
        },
      ] : statement if length(statement.Resource) > 0
    ]
  })
}

# Who it is while it runs.
resource "aws_iam_role" "task" {
  name               = local.full_name
  assume_role_policy = local.by_tasks
}

resource "aws_iam_role_policy" "task" {
  count  = length(var.statements) > 0 ? 1 : 0
  name   = "run"
  role   = aws_iam_role.task.id
  policy = jsonencode({ Version = "2012-10-17", Statement = var.statements })
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.full_name
  cpu                      = local.definition.cpu
  memory                   = local.definition.memory
  network_mode             = local.definition.networkMode
  requires_compatibilities = local.definition.requiresCompatibilities
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode(local.definition.containerDefinitions)

  runtime_platform {
    cpu_architecture        = local.definition.runtimePlatform.cpuArchitecture
    operating_system_family = local.definition.runtimePlatform.operatingSystemFamily
  }

  dynamic "volume" {
    for_each = [for volume in local.definition.volumes : volume.name]
    content {
      name = volume.value
    }
  }
}

output "arn" {
  value = aws_ecs_task_definition.this.arn
}

output "family" {
  value = local.full_name
}

output "security_group_id" {
  value = aws_security_group.this.id
}

output "log_group" {
  value = aws_cloudwatch_log_group.this.name
}

output "log_group_arn" {
  value = aws_cloudwatch_log_group.this.arn
}

output "role_arns" {
  description = "Both roles, which whoever registers a new revision has to pass on."
  value       = [aws_iam_role.execution.arn, aws_iam_role.task.arn]
}

output "roles" {
  value = { execution = aws_iam_role.execution.arn, task = aws_iam_role.task.arn }
}
