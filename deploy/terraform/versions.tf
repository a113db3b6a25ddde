terraform {
  # State is locked by S3 itself from 1.11 on.
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
    tags = {
      Project     = "taxi-predictor"
      Environment = var.environment
      ManagedBy   = "terraform"
    }
  }
}
