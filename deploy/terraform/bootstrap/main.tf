# Once for an account, before all else: the bucket that keeps the state. Its own state is kept with whoever runs it.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { Project = "taxi-predictor", ManagedBy = "terraform" }
  }
}

variable "region" {
  type = string
}

data "aws_caller_identity" "this" {}

resource "aws_kms_key" "state" {
  description         = "State of Terraform"
  enable_key_rotation = true
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.this.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })
}

module "state" {
  source             = "../modules/bucket"
  name               = "taxi-predictor-state-${data.aws_caller_identity.this.account_id}"
  key_arn            = aws_kms_key.state.arn
  keep_versions_days = 365
}

output "backend" {
  description = "What goes into environments/*.s3.tfbackend."
  value       = { bucket = module.state.name, kms_key_id = aws_kms_key.state.arn, region = var.region }
}
