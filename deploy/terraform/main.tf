# An environment: who is beside whom. What each part is stands in modules/.

data "aws_caller_identity" "this" {}

data "aws_availability_zones" "this" {
  #checkov:skip=CKV_AWS_394:The first two by name; one that is added later comes after them
  state = "available"
  # Neither local zones nor those that have to be asked for.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  name     = "taxi-predictor-${var.environment}"
  account  = data.aws_caller_identity.this.account_id
  zones    = slice(data.aws_availability_zones.this.names, 0, 2)
  services = toset(["api", "dashboard", "mlflow", "monitor"])
}

module "key" {
  source     = "./modules/key"
  name       = local.name
  account_id = local.account
  region     = var.region
}

module "network" {
  source         = "./modules/network"
  name           = local.name
  cidr           = var.cidr
  zones          = local.zones
  nat_per_zone   = var.nat_per_zone
  region         = var.region
  key_arn        = module.key.arn
  retention_days = var.retention_days
}

module "logs" {
  source      = "./modules/bucket"
  name        = "${local.name}-logs-${local.account}"
  expire_days = 400
  statements = [
    {
      Sid       = "LoadBalancersWrite"
      Effect    = "Allow"
      Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = "arn:aws:s3:::${local.name}-logs-${local.account}/edge/AWSLogs/${local.account}/*"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    },
    {
      Sid       = "BucketsWrite"
      Effect    = "Allow"
      Principal = { Service = "logging.s3.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = "arn:aws:s3:::${local.name}-logs-${local.account}/s3/*"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    },
  ]
}

module "artifacts" {
  source      = "./modules/bucket"
  name        = "${local.name}-artifacts-${local.account}"
  key_arn     = module.key.arn
  access_logs = module.logs.name
}

module "edge" {
  source                 = "./modules/edge"
  name                   = local.name
  vpc_id                 = module.network.vpc_id
  subnets                = module.network.public_subnets
  zone_id                = var.zone_id
  api_name               = var.api_name
  dashboard_name         = var.dashboard_name
  log_bucket             = module.logs.name
  admin_networks         = var.admin_networks
  requests_per_5_minutes = var.requests_per_5_minutes
  deletion_protection    = var.deletion_protection
  key_arn                = module.key.arn
  retention_days         = var.retention_days
}

module "database" {
  source              = "./modules/database"
  name                = local.name
  vpc_id              = module.network.vpc_id
  subnets             = module.network.data_subnets
  key_arn             = module.key.arn
  instance_class      = var.database.instance_class
  multi_az            = var.database.multi_az
  storage_gb          = var.database.storage_gb
  backup_days         = var.database.backup_days
  deletion_protection = var.deletion_protection
}

module "cache" {
  source    = "./modules/cache"
  name      = local.name
  vpc_id    = module.network.vpc_id
  subnets   = module.network.data_subnets
  key_arn   = module.key.arn
  node_type = var.cache.node_type
  standby   = var.cache.standby
}

module "secrets" {
  source  = "./modules/secrets"
  name    = local.name
  key_arn = module.key.arn
  secrets = {
    database_ca    = "Certificates by which the database is known (PEM)"
    app_url        = "The database, as the API's and the monitor's user"
    owner_url      = "The database, as the owner of its tables"
    dashboard_url  = "The database, as who only reads"
    mlflow_url     = "The registry's database"
    role_passwords = "Passwords of the roles, by name (JSON)"
  }
}

module "registry" {
  source  = "./modules/registry"
  name    = local.name
  key_arn = module.key.arn
  images  = ["api", "dashboard", "jobs", "mlflow"]
}

module "cluster" {
  source = "./modules/cluster"
  name   = local.name
  vpc_id = module.network.vpc_id
}

module "watching" {
  source              = "./modules/watching"
  name                = local.name
  account_id          = local.account
  key_arn             = module.key.arn
  emails              = var.emails
  balancer            = module.edge.arn_suffix
  target_groups       = { for colour, group in module.edge.target_groups : colour => group.suffix }
  database_id         = module.database.id
  database_storage_gb = var.database.storage_gb
  cache_id            = module.cache.id
  cluster_name        = module.cluster.name
  services            = local.services
  api_log_group       = module.task["api"].log_group
  monthly_budget_usd  = var.monthly_budget_usd
}

module "backup" {
  source    = "./modules/backup"
  name      = local.name
  key_arn   = module.key.arn
  resources = [module.database.arn, module.artifacts.arn]
  topic_arn = module.watching.topic_arn
}

module "pipeline" {
  source                = "./modules/pipeline"
  name                  = local.name
  repository            = var.repository
  environment           = var.environment == "prod" ? "production" : "staging"
  account_id            = local.account
  region                = var.region
  cluster_arn           = module.cluster.arn
  cluster_name          = module.cluster.name
  services              = local.services
  families              = toset([for name, task in module.task : task.family])
  one_off_families      = toset([for name in local.once : module.task[name].family])
  passed_role_arns      = flatten([for name, task in module.task : task.role_arns])
  repository_arns       = values(module.registry.arns)
  log_group_arns        = [for name in local.once : module.task[name].log_group_arn]
  rollout_parameter_arn = aws_ssm_parameter.rollout.arn
}
