# Places for secrets, without any secret: values are put by `python -m taxi_predictor.apps.ecs secrets`,
# so none of them is in the configuration, in a plan or in the state.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "name" {
  description = "What everything is called by; the first part of each secret's name."
  type        = string
}

variable "key_arn" {
  type = string
}

variable "secrets" {
  description = "Name to what it is."
  type        = map(string)
}

variable "recovery_days" {
  description = "So long a deleted secret can be had back."
  type        = number
  default     = 30
}

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:Rotated by the procedure in docs/deployment-aws.md: two places change at once, the role and the address
  for_each                = var.secrets
  name                    = "${var.name}/${each.key}"
  description             = each.value
  kms_key_id              = var.key_arn
  recovery_window_in_days = var.recovery_days
}

output "arns" {
  description = "Name to ARN."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}
