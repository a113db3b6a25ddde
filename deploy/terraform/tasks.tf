# What runs. Each task is told what deploy/ecs/NAME.json says, with these values in place of its names.

locals {
  once = toset(["roles", "migrate", "jobs"])

  values = {
    region           = var.region
    cpu_architecture = var.cpu_architecture
    api_image        = var.images.api
    dashboard_image  = var.images.dashboard
    jobs_image       = var.images.jobs
    mlflow_image     = var.images.mlflow
    roles_image      = var.images.roles
    api_name         = var.api_name
    dashboard_name   = var.dashboard_name
    vpc_cidr         = var.cidr
    redis_url        = module.cache.url
    mlflow_uri       = "http://mlflow.${module.cluster.domain}:5000"
    mlflow_host      = "mlflow.${module.cluster.domain}"
    artifacts        = "s3://${module.artifacts.name}"
    database_host    = module.database.host
    master_secret    = module.database.master_secret_arn
    database_ca      = module.secrets.arns["database_ca"]
    app_url          = module.secrets.arns["app_url"]
    owner_url        = module.secrets.arns["owner_url"]
    dashboard_url    = module.secrets.arns["dashboard_url"]
    mlflow_url       = module.secrets.arns["mlflow_url"]
    role_passwords   = module.secrets.arns["role_passwords"]
  }

  # Task to the secrets that it is given and the image that it is made of.
  tasks = {
    api       = { secrets = ["app_url", "database_ca"], image = "api" }
    dashboard = { secrets = ["dashboard_url", "database_ca"], image = "dashboard" }
    mlflow    = { secrets = ["mlflow_url", "database_ca"], image = "mlflow" }
    monitor   = { secrets = ["app_url", "database_ca"], image = "jobs" }
    migrate   = { secrets = ["owner_url", "database_ca"], image = "api" }
    jobs      = { secrets = ["owner_url", "database_ca"], image = "jobs" }
    roles     = { secrets = ["master_secret", "role_passwords", "database_ca"], image = null }
  }

  # The registry's server alone does anything with AWS while it runs: it keeps artifacts.
  statements = {
    mlflow = [
      {
        Sid      = "KeepArtifacts"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource = "${module.artifacts.arn}/*"
      },
      {
        Sid      = "ListArtifacts"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = module.artifacts.arn
      },
      {
        Sid      = "EncryptThem"
        Effect   = "Allow"
        Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource = module.key.arn
      },
    ]
  }
}

module "task" {
  source          = "./modules/task"
  for_each        = local.tasks
  name            = each.key
  prefix          = local.name
  template        = "${path.module}/../ecs/${each.key}.json"
  values          = local.values
  vpc_id          = module.network.vpc_id
  key_arn         = module.key.arn
  secret_arns     = [for name in each.value.secrets : local.values[name]]
  repository_arns = each.value.image == null ? [] : [module.registry.arns[each.value.image]]
  statements      = lookup(local.statements, each.key, [])
  retention_days  = var.retention_days
}

module "api" {
  source              = "./modules/service"
  name                = "api"
  cluster_arn         = module.cluster.arn
  cluster_name        = module.cluster.name
  task_definition_arn = module.task["api"].arn
  subnets             = module.network.private_subnets
  security_group_id   = module.task["api"].security_group_id
  count_of_tasks      = var.api_tasks
  balanced            = { target_group_arn = module.edge.target_groups["blue"].arn, port = 8000 }
  rollback_alarms     = module.watching.rollback_alarms
  blue_green = {
    alternate_target_group_arn = module.edge.target_groups["green"].arn
    production_rule_arn        = module.edge.production_rule_arn
    test_rule_arn              = module.edge.test_rule_arn
    role_arn                   = module.edge.shift_role_arn
    bake_minutes               = var.bake_minutes
  }
  connect = {
    namespace_arn = module.cluster.namespace_arn
    name          = "api"
    port          = 8000
    ingress_port  = 15000
  }
}

module "dashboard" {
  source              = "./modules/service"
  name                = "dashboard"
  cluster_arn         = module.cluster.arn
  cluster_name        = module.cluster.name
  task_definition_arn = module.task["dashboard"].arn
  subnets             = module.network.private_subnets
  security_group_id   = module.task["dashboard"].security_group_id
  count_of_tasks      = { min = 1, max = 1 }
  balanced            = { target_group_arn = module.edge.dashboard_target_group_arn, port = 5006 }
  connect             = { namespace_arn = module.cluster.namespace_arn }
}

resource "aws_service_discovery_service" "mlflow" {
  name = "mlflow"
  dns_config {
    namespace_id   = module.cluster.namespace_id
    routing_policy = "MULTIVALUE"
    dns_records {
      type = "A"
      ttl  = 10
    }
  }
  # ECS says which tasks are well.
  health_check_custom_config {
    failure_threshold = 1
  }
}

module "mlflow" {
  source              = "./modules/service"
  name                = "mlflow"
  cluster_arn         = module.cluster.arn
  cluster_name        = module.cluster.name
  task_definition_arn = module.task["mlflow"].arn
  subnets             = module.network.private_subnets
  security_group_id   = module.task["mlflow"].security_group_id
  count_of_tasks      = { min = 1, max = 1 }
  only_one            = true
  discovery_arn       = aws_service_discovery_service.mlflow.arn
}

module "monitor" {
  source              = "./modules/service"
  name                = "monitor"
  cluster_arn         = module.cluster.arn
  cluster_name        = module.cluster.name
  task_definition_arn = module.task["monitor"].arn
  subnets             = module.network.private_subnets
  security_group_id   = module.task["monitor"].security_group_id
  count_of_tasks      = { min = 1, max = 1 }
  only_one            = true
}

# What `python -m taxi_predictor.apps.ecs` needs to know to deploy: no secret, only where each is.
resource "aws_ssm_parameter" "rollout" {
  #checkov:skip=CKV2_AWS_34:Names and ARNs; no secret is in it
  #checkov:skip=CKV_AWS_337:As above
  name        = "/${local.name}/rollout"
  description = "What stands for the names in deploy/ecs"
  type        = "String"
  tier        = "Intelligent-Tiering"
  value = jsonencode({
    prefix  = local.name
    cluster = module.cluster.name
    subnets = module.network.private_subnets
    groups  = { for name, task in module.task : name => task.security_group_id }
    roles   = { for name, task in module.task : name => task.roles }
    values  = local.values
  })
}
