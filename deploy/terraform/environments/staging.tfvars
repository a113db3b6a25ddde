# One of everything, which may be away for some minutes. Put your own names where it says example.
environment         = "staging"
region              = "eu-west-1"
cidr                = "10.41.0.0/16"
zone_id             = "Z0000000000EXAMPLE"
api_name            = "staging-api.taxi-predictor.example.com"
dashboard_name      = "staging-dashboard.taxi-predictor.example.com"
repository          = "example/taxi_predictor"
emails              = ["on-call@example.com"]
admin_networks      = ["203.0.113.0/24"]
api_tasks           = { min = 1, max = 2 }
nat_per_zone        = false
database            = { instance_class = "db.t4g.medium", storage_gb = 20, multi_az = false, backup_days = 7 }
cache               = { node_type = "cache.t4g.micro", standby = false }
deletion_protection = false
monthly_budget_usd  = 300
retention_days      = 30
bake_minutes        = 2
# The first ones; later releases come by the pipeline. docs/deployment-aws.md says where to get them.
images = {
  api       = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/taxi-predictor-staging/api@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  dashboard = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/taxi-predictor-staging/dashboard@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  jobs      = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/taxi-predictor-staging/jobs@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  mlflow    = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/taxi-predictor-staging/mlflow@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  roles     = "public.ecr.aws/docker/library/postgres@sha256:0000000000000000000000000000000000000000000000000000000000000000"
}
