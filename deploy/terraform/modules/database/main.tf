# PostgreSQL for trips, predictions and the registry. Terraform never knows a password: RDS makes the master's,
# keeps it in Secrets Manager and changes it; those of the roles are put there by `apps/ecs secrets`.

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
  description = "Subnets in two zones that reach nothing outside."
  type        = list(string)
}

variable "key_arn" {
  type = string
}

variable "engine_version" {
  description = "The major version; RDS chooses the minor one and keeps it up to date."
  type        = string
  default     = "18"
  validation {
    condition     = can(regex("^(1[6-9]|[2-9][0-9])$", var.engine_version))
    error_message = "A major version that is still supported is needed, without a minor one: 16 or newer."
  }
}

variable "instance_class" {
  type = string
}

variable "multi_az" {
  description = "Whether a second zone has a standby that takes over."
  type        = bool
}

variable "storage_gb" {
  description = "Gigabytes to begin with; it grows to five times that by itself."
  type        = number
  validation {
    condition     = var.storage_gb >= 20
    error_message = "RDS starts at 20 GB."
  }
}

variable "backup_days" {
  description = "For so many days any moment can be restored."
  type        = number
  validation {
    condition     = var.backup_days >= 7 && var.backup_days <= 35
    error_message = "Between 7 and 35 days."
  }
}

variable "deletion_protection" {
  description = "Whether it refuses to be deleted."
  type        = bool
}

locals {
  port = 5432
  # A deletion leaves a snapshot of this name behind.
  final_snapshot = "${var.name}-final"
}

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnets
}

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:It is attached below
  name        = "${var.name}-database"
  description = "PostgreSQL; who may connect is said by each task"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-database" }
}

resource "aws_db_parameter_group" "this" {
  name   = "${var.name}-${var.engine_version}"
  family = "postgres${var.engine_version}"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }
  # Statements that take long are worth a line; all of them would be places of people's trips in a log.
  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }
  parameter {
    name  = "log_parameter_max_length"
    value = "0"
  }
  parameter {
    name  = "log_parameter_max_length_on_error"
    value = "0"
  }
  parameter {
    name  = "log_lock_waits"
    value = "1"
  }
  parameter {
    name  = "idle_in_transaction_session_timeout"
    value = "60000"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_iam_role" "monitoring" {
  name = "${var.name}-database-monitoring"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_cloudwatch_log_group" "this" {
  for_each          = toset(["postgresql", "upgrade"])
  name              = "/aws/rds/instance/${var.name}/${each.key}"
  retention_in_days = 365
  kms_key_id        = var.key_arn
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_157:Multi-AZ is a variable: prod has it, staging need not
  #checkov:skip=CKV_AWS_293:Deletion protection is a variable: prod has it
  #checkov:skip=CKV_AWS_161:Roles have passwords of their own in Secrets Manager; tokens of IAM would end after 15 minutes
  #checkov:skip=CKV2_AWS_30:log_statement would write places of people's trips to a log
  identifier     = var.name
  engine         = "postgres"
  engine_version = var.engine_version
  instance_class = var.instance_class
  username       = "taxi_master"
  port           = local.port

  manage_master_user_password   = true
  master_user_secret_kms_key_id = var.key_arn

  storage_type          = "gp3"
  allocated_storage     = var.storage_gb
  max_allocated_storage = 5 * var.storage_gb
  storage_encrypted     = true
  kms_key_id            = var.key_arn

  multi_az               = var.multi_az
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this.id]
  publicly_accessible    = false
  parameter_group_name   = aws_db_parameter_group.this.name
  ca_cert_identifier     = "rds-ca-rsa2048-g1"

  backup_retention_period   = var.backup_days
  backup_window             = "07:00-08:00"
  maintenance_window        = "Sun:08:30-Sun:09:30"
  copy_tags_to_snapshot     = true
  delete_automated_backups  = false
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = false
  final_snapshot_identifier = local.final_snapshot

  auto_minor_version_upgrade      = true
  allow_major_version_upgrade     = false
  apply_immediately               = false
  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.key_arn
  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.monitoring.arn
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]

  depends_on = [aws_cloudwatch_log_group.this]
}

output "id" {
  value = aws_db_instance.this.identifier
}

output "arn" {
  value = aws_db_instance.this.arn
}

output "host" {
  value = aws_db_instance.this.address
}

output "port" {
  value = local.port
}

output "security_group_id" {
  value = aws_security_group.this.id
}

output "master_secret_arn" {
  description = "Of the secret that RDS keeps; it has username and password."
  value       = one(aws_db_instance.this.master_user_secret[*].secret_arn)
}
