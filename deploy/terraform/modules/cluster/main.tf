# Where tasks run, and the names by which they find each other.

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

variable "domain" {
  description = "The zone of names that only the network itself knows."
  type        = string
  default     = "taxi.internal"
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  name        = var.domain
  description = var.name
  vpc         = var.vpc_id
}

resource "aws_ecs_cluster" "this" {
  name = var.name
  setting {
    name  = "containerInsights"
    value = "enhanced"
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE"]
  default_capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = 1
  }
}

output "arn" {
  value = aws_ecs_cluster.this.arn
}

output "name" {
  value = aws_ecs_cluster.this.name
}

output "namespace_id" {
  value = aws_service_discovery_private_dns_namespace.this.id
}

output "namespace_arn" {
  value = aws_service_discovery_private_dns_namespace.this.arn
}

output "domain" {
  value = var.domain
}
