# How the repository's workflows get in: by a token of GitHub's that says which repository and environment asks.
# No key of AWS is kept anywhere.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "name" {
  description = "What everything is called by."
  type        = string
}

variable "repository" {
  description = "OWNER/NAME at GitHub."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository must be OWNER/NAME, without any *."
  }
}

variable "environment" {
  description = "The environment at GitHub whose rules say who may deploy."
  type        = string
}

variable "account_id" {
  type = string
}

variable "region" {
  type = string
}

variable "cluster_arn" {
  type = string
}

variable "cluster_name" {
  type = string
}

variable "services" {
  type = set(string)
}

variable "families" {
  description = "Task definitions, by family."
  type        = set(string)
}

variable "one_off_families" {
  description = "Those of them that may be run once."
  type        = set(string)
}

variable "passed_role_arns" {
  description = "Roles that tasks are started with."
  type        = list(string)
}

variable "repository_arns" {
  description = "Where images are put."
  type        = list(string)
}

variable "log_group_arns" {
  description = "Logs of one-off tasks, which are read to say why one failed."
  type        = list(string)
}

variable "rollout_parameter_arn" {
  description = "What stands for the names in deploy/ecs."
  type        = string
}

locals {
  ecs = "arn:aws:ecs:${var.region}:${var.account_id}"
}

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "deploy" {
  name                 = "${var.name}-deploy"
  max_session_duration = 7200
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.github.arn }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:${var.repository}:environment:${var.environment}"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "deploy" {
  #checkov:skip=CKV_AWS_290:What may be written is named; only actions that know no resource have *
  #checkov:skip=CKV_AWS_355:ecr:GetAuthorizationToken, ecs:RegisterTaskDefinition and DescribeTaskDefinition know no resource
  name = "deploy"
  role = aws_iam_role.deploy.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "KnowsNoResource"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken", "ecs:RegisterTaskDefinition", "ecs:DescribeTaskDefinition", "ecs:DescribeServiceDeployments", "ecs:DescribeServiceRevisions"]
        Resource = "*"
      },
      {
        Sid    = "PutImages"
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
          "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
        ]
        Resource = var.repository_arns
      },
      {
        Sid      = "ExchangeServices"
        Effect   = "Allow"
        Action   = ["ecs:UpdateService", "ecs:DescribeServices", "ecs:ListServiceDeployments", "ecs:StopServiceDeployment"]
        Resource = concat([for service in var.services : "${local.ecs}:service/${var.cluster_name}/${service}"], ["${local.ecs}:service-deployment/${var.cluster_name}/*"])
      },
      {
        Sid       = "RunOnce"
        Effect    = "Allow"
        Action    = "ecs:RunTask"
        Resource  = [for family in var.one_off_families : "${local.ecs}:task-definition/${family}:*"]
        Condition = { ArnEquals = { "ecs:cluster" = var.cluster_arn } }
      },
      {
        Sid      = "SeeHowItWent"
        Effect   = "Allow"
        Action   = "ecs:DescribeTasks"
        Resource = "${local.ecs}:task/${var.cluster_name}/*"
      },
      {
        Sid      = "ReadTheirLogs"
        Effect   = "Allow"
        Action   = ["logs:GetLogEvents", "logs:FilterLogEvents"]
        Resource = flatten([for arn in var.log_group_arns : [arn, "${arn}:*"]])
      },
      {
        Sid       = "StartTasksAsThemselves"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = var.passed_role_arns
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
      {
        Sid      = "KnowWhatIsWhere"
        Effect   = "Allow"
        Action   = "ssm:GetParameter"
        Resource = var.rollout_parameter_arn
      },
    ]
  })
}

output "role_arn" {
  value = aws_iam_role.deploy.arn
}
