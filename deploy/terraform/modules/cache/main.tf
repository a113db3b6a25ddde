# Where several API tasks count requests together. It keeps nothing that anybody would miss.

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
  type = list(string)
}

variable "key_arn" {
  type = string
}

variable "node_type" {
  type = string
}

variable "standby" {
  description = "Whether a second node in another zone takes over."
  type        = bool
}

locals {
  port = 6379
}

resource "aws_elasticache_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnets
}

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:It is attached below
  name        = "${var.name}-cache"
  description = "Valkey; who may connect is said by each task"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-cache" }
}

resource "aws_elasticache_parameter_group" "this" {
  name   = "${var.name}-valkey8"
  family = "valkey8"
  parameter {
    name  = "maxmemory-policy"
    value = "volatile-ttl"
  }
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV_AWS_31:TLS is on. A token would lie in the state; only the API's security group reaches it, and it holds counts
  #checkov:skip=CKV2_AWS_50:A standby is a variable: prod has it, staging need not
  replication_group_id       = var.name
  description                = "Counts of requests"
  engine                     = "valkey"
  engine_version             = "8.0"
  node_type                  = var.node_type
  num_cache_clusters         = var.standby ? 2 : 1
  automatic_failover_enabled = var.standby
  multi_az_enabled           = var.standby
  port                       = local.port
  parameter_group_name       = aws_elasticache_parameter_group.this.name
  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.this.id]
  transit_encryption_enabled = true
  at_rest_encryption_enabled = true
  kms_key_id                 = var.key_arn
  auto_minor_version_upgrade = true
  snapshot_retention_limit   = 0
  apply_immediately          = true
}

output "id" {
  value = aws_elasticache_replication_group.this.replication_group_id
}

output "url" {
  value = "rediss://${aws_elasticache_replication_group.this.primary_endpoint_address}:${local.port}"
}

output "port" {
  value = local.port
}

output "security_group_id" {
  value = aws_security_group.this.id
}
