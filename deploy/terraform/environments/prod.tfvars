# Two zones for everything, and a database that takes over by itself. Put your own names where it says example.
environment         = "prod"
region              = "eu-west-1"
cidr                = "10.40.0.0/16"
zone_id             = "Z0000000000EXAMPLE"
api_name            = "api.taxi-predictor.example.com"
dashboard_name      = "dashboard.taxi-predictor.example.com"
repository          = "example/taxi_predictor"
emails              = ["on-call@example.com"]
admin_networks      = ["203.0.113.0/24"]
api_tasks           = { min = 2, max = 4 }
nat_per_zone        = true
database            = { instance_class = "db.m7g.large", storage_gb = 100, multi_az = true, backup_days = 14 }
cache               = { node_type = "cache.t4g.small", standby = true }
deletion_protection = true
monthly_budget_usd  = 1000
retention_days      = 365
bake_minutes        = 10
# The first ones; later releases come by the pipeline. docs/deployment-aws.md says where to get them.
images = {
  api       = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/taxi-predictor-prod/api@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  dashboard = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/taxi-predictor-prod/dashboard@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  jobs      = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/taxi-predictor-prod/jobs@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  mlflow    = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/taxi-predictor-prod/mlflow@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  roles     = "public.ecr.aws/docker/library/postgres@sha256:0000000000000000000000000000000000000000000000000000000000000000"
}
