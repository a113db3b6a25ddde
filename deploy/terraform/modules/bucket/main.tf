# A bucket that is private, versioned, encrypted, and answers by TLS only.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "name" {
  description = "The bucket's name, which is unique in the world: it should end with the account."
  type        = string
}

variable "key_arn" {
  description = "The key that encrypts it; null: S3's own, which is all that load balancers can write with."
  type        = string
  default     = null
}

variable "keep_versions_days" {
  description = "How long what was overwritten or deleted can be had back."
  type        = number
  default     = 90
}

variable "expire_days" {
  description = "How long objects are kept; 0: for ever."
  type        = number
  default     = 0
}

variable "statements" {
  description = "Further statements of the bucket's policy."
  type        = any
  default     = []
}

variable "access_logs" {
  description = "The bucket that is told who asked for what; null: none, as for that bucket itself."
  type        = string
  default     = null
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:Another region is for backups (AWS Backup), not for each bucket
  #checkov:skip=CKV2_AWS_62:Nobody waits for an object to come
  #checkov:skip=CKV_AWS_18:Set by access_logs where there is one; the bucket of logs logs nothing of itself
  #checkov:skip=CKV_AWS_145:Load balancers write with S3's own key only; all else has key_arn
  bucket = var.name
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    bucket_key_enabled = var.key_arn != null
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket     = aws_s3_bucket.this.id
  depends_on = [aws_s3_bucket_versioning.this]

  rule {
    id     = "old-versions"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = var.keep_versions_days
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  dynamic "rule" {
    for_each = var.expire_days > 0 ? [var.expire_days] : []
    content {
      id     = "expire"
      status = "Enabled"
      filter {}
      expiration {
        days = rule.value
      }
      abort_incomplete_multipart_upload {
        days_after_initiation = 7
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket     = aws_s3_bucket.this.id
  depends_on = [aws_s3_bucket_public_access_block.this]
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::${var.name}", "arn:aws:s3:::${var.name}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }], var.statements)
  })
}

resource "aws_s3_bucket_logging" "this" {
  count         = var.access_logs == null ? 0 : 1
  bucket        = aws_s3_bucket.this.id
  target_bucket = var.access_logs
  target_prefix = "s3/${var.name}/"
}

output "name" {
  value = aws_s3_bucket.this.bucket
  # Who writes there is let in by then: a load balancer tries it at once.
  depends_on = [aws_s3_bucket_policy.this]
}

output "arn" {
  value = "arn:aws:s3:::${var.name}"
}
