output "api_url" {
  value = "https://${var.api_name}"
}

output "dashboard_url" {
  value = "https://${var.dashboard_name}"
}

output "deploy_role_arn" {
  description = "The variable AWS_ROLE of the environment at GitHub."
  value       = module.pipeline.role_arn
}

output "rollout_parameter" {
  description = "The variable ROLLOUT of the environment at GitHub."
  value       = aws_ssm_parameter.rollout.name
}

output "repositories" {
  description = "Where images are put."
  value       = module.registry.urls
}

output "backup_vault" {
  value = module.backup.vault_name
}
