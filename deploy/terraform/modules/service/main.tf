# A task that is kept running: exchanged blue for green behind the load balancer, or one after the other.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "name" {
  type = string
}

variable "cluster_arn" {
  type = string
}

variable "cluster_name" {
  type = string
}

variable "task_definition_arn" {
  description = "The first revision; later ones are deployed by the pipeline."
  type        = string
}

variable "subnets" {
  type = list(string)
}

variable "security_group_id" {
  type = string
}

variable "count_of_tasks" {
  description = "Least and most of them; where both are the same, nothing scales."
  type        = object({ min = number, max = number })
  validation {
    condition     = var.count_of_tasks.min >= 1 && var.count_of_tasks.max >= var.count_of_tasks.min
    error_message = "At least one, and no fewer at most than at least."
  }
}

variable "only_one" {
  description = "Whether there must never be two of it at once, as of a registry's server or a monitor."
  type        = bool
  default     = false
}

variable "balanced" {
  description = "The target group and port that requests come by; null: none do."
  type        = object({ target_group_arn = string, port = number })
  default     = null
}

variable "blue_green" {
  description = "What an exchange of blue for green needs; null: tasks are exchanged one after the other."
  type = object({
    alternate_target_group_arn = string
    production_rule_arn        = string
    test_rule_arn              = string
    role_arn                   = string
    bake_minutes               = number
  })
  default = null
}

variable "rollback_alarms" {
  description = "Alarms that take a deployment back when they go off."
  type        = list(string)
  default     = []
}

variable "connect" {
  description = "Of Service Connect: the namespace, and under which name and port others find it (null: it only finds others)."
  type = object({
    namespace_arn = string
    name          = optional(string)
    port          = optional(number)
    ingress_port  = optional(number)
  })
  default = null
}

variable "discovery_arn" {
  description = "The registry of names that one-off tasks ask too; null: it is in none."
  type        = string
  default     = null
}

variable "cpu_target" {
  description = "Tasks are added where they use more of their CPU than this, in percent."
  type        = number
  default     = 60
}

locals {
  scales = var.count_of_tasks.max > var.count_of_tasks.min
}

resource "aws_ecs_service" "this" {
  name                              = var.name
  cluster                           = var.cluster_arn
  task_definition                   = var.task_definition_arn
  desired_count                     = var.count_of_tasks.min
  launch_type                       = "FARGATE"
  platform_version                  = "LATEST"
  enable_execute_command            = false
  enable_ecs_managed_tags           = true
  propagate_tags                    = "SERVICE"
  availability_zone_rebalancing     = var.only_one ? "DISABLED" : "ENABLED"
  health_check_grace_period_seconds = var.balanced == null ? null : 120

  # One that must be alone is stopped before the next one starts.
  deployment_minimum_healthy_percent = var.only_one ? 0 : 100
  deployment_maximum_percent         = var.only_one ? 100 : 200

  deployment_controller {
    type = "ECS"
  }

  deployment_configuration {
    strategy             = var.blue_green == null ? "ROLLING" : "BLUE_GREEN"
    bake_time_in_minutes = var.blue_green == null ? null : var.blue_green.bake_minutes
  }

  # Tasks that do not become healthy are given up, and those before them serve on.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  dynamic "alarms" {
    for_each = length(var.rollback_alarms) > 0 ? [var.rollback_alarms] : []
    content {
      alarm_names = alarms.value
      enable      = true
      rollback    = true
    }
  }

  network_configuration {
    subnets          = var.subnets
    security_groups  = [var.security_group_id]
    assign_public_ip = false
  }

  dynamic "load_balancer" {
    for_each = var.balanced == null ? [] : [var.balanced]
    content {
      target_group_arn = load_balancer.value.target_group_arn
      container_name   = var.name
      container_port   = load_balancer.value.port

      dynamic "advanced_configuration" {
        for_each = var.blue_green == null ? [] : [var.blue_green]
        content {
          alternate_target_group_arn = advanced_configuration.value.alternate_target_group_arn
          production_listener_rule   = advanced_configuration.value.production_rule_arn
          test_listener_rule         = advanced_configuration.value.test_rule_arn
          role_arn                   = advanced_configuration.value.role_arn
        }
      }
    }
  }

  dynamic "service_connect_configuration" {
    for_each = var.connect == null ? [] : [var.connect]
    content {
      enabled   = true
      namespace = service_connect_configuration.value.namespace_arn

      dynamic "service" {
        for_each = service_connect_configuration.value.name == null ? [] : [service_connect_configuration.value]
        content {
          port_name      = service.value.name
          discovery_name = service.value.name
          # Requests from the load balancer go to the port itself, and keep the address of their client.
          ingress_port_override = service.value.ingress_port
          client_alias {
            dns_name = service.value.name
            port     = service.value.port
          }
        }
      }
    }
  }

  dynamic "service_registries" {
    for_each = var.discovery_arn == null ? [] : [var.discovery_arn]
    content {
      registry_arn = service_registries.value
    }
  }

  lifecycle {
    # The pipeline deploys revisions, and scaling says how many.
    ignore_changes = [task_definition, desired_count]
  }
}

resource "aws_appautoscaling_target" "this" {
  count              = local.scales ? 1 : 0
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster_name}/${aws_ecs_service.this.name}"
  min_capacity       = var.count_of_tasks.min
  max_capacity       = var.count_of_tasks.max
}

# By CPU alone: requests are counted for each target group, and those change places with every release.
resource "aws_appautoscaling_policy" "cpu" {
  count              = local.scales ? 1 : 0
  name               = "${var.name}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.cpu_target
    scale_out_cooldown = 60
    scale_in_cooldown  = 300
    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

output "name" {
  value = aws_ecs_service.this.name
}

output "arn" {
  value = aws_ecs_service.this.id
}
