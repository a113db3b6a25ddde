variable "environment" {
  description = "Which of the two this is."
  type        = string
  validation {
    condition     = contains(["staging", "prod"], var.environment)
    error_message = "environment is staging or prod."
  }
}

variable "region" {
  description = "Where all of it is."
  type        = string
}

variable "cidr" {
  description = "Addresses of the network; another /16 for each environment."
  type        = string
}

variable "zone_id" {
  description = "The hosted zone at Route 53 that both names are in."
  type        = string
}

variable "api_name" {
  description = "Under which name the API is asked."
  type        = string
}

variable "dashboard_name" {
  description = "Under which name the dashboard is."
  type        = string
}

variable "images" {
  description = "The first images, by digest; later ones are deployed by the pipeline. `roles` is PostgreSQL's own image, for psql."
  type        = object({ api = string, dashboard = string, jobs = string, mlflow = string, roles = string })
  validation {
    condition     = alltrue([for image in values(var.images) : can(regex("@sha256:[0-9a-f]{64}$", image))])
    error_message = "An image is named by its digest, ...@sha256:..., never by a tag that can move."
  }
}

variable "cpu_architecture" {
  description = "Of the tasks; images are made for both."
  type        = string
  default     = "ARM64"
  validation {
    condition     = contains(["ARM64", "X86_64"], var.cpu_architecture)
    error_message = "ARM64 or X86_64."
  }
}

variable "api_tasks" {
  description = "Least and most tasks of the API. Both colours at once must fit into the 60 connections of taxi_app (deploy/postgres/roles.psql)."
  type        = object({ min = number, max = number })
  validation {
    condition     = var.api_tasks.min >= 1 && var.api_tasks.max >= var.api_tasks.min && var.api_tasks.max <= 4
    error_message = "Between 1 and 4: a task has six connections, there are two colours, and taxi_app may have 60."
  }
}

variable "nat_per_zone" {
  type = bool
}

variable "database" {
  description = "Its size, and whether a second zone stands by."
  type        = object({ instance_class = string, storage_gb = number, multi_az = bool, backup_days = number })
}

variable "cache" {
  type = object({ node_type = string, standby = bool })
}

variable "deletion_protection" {
  description = "Whether database and load balancer refuse to be deleted."
  type        = bool
}

variable "admin_networks" {
  description = "Networks that may promote models over the API and see green before it serves."
  type        = list(string)
  default     = []
}

variable "requests_per_5_minutes" {
  description = "What one address may ask in five minutes before the firewall stops it."
  type        = number
  default     = 60000
}

variable "emails" {
  description = "Who is told of alarms and costs."
  type        = list(string)
}

variable "monthly_budget_usd" {
  type = number
}

variable "repository" {
  description = "OWNER/NAME at GitHub, whose workflows deploy."
  type        = string
}

variable "retention_days" {
  description = "How long logs are kept; CloudWatch knows some numbers only."
  type        = number
  default     = 90
  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.retention_days)
    error_message = "One of 30, 60, 90, 120, 150, 180, 365, 400, 545, 731."
  }
}

variable "bake_minutes" {
  description = "How long blue waits beside green before it goes."
  type        = number
  default     = 5
  validation {
    condition     = var.bake_minutes >= 1 && var.bake_minutes <= 1440
    error_message = "Between a minute and a day; without any, nobody would see a bad release."
  }
}
