# Who may talk to whom, a line each; what is not here is refused.

locals {
  tasks_groups = { for name, task in module.task : name => task.security_group_id }
  groups = merge(local.tasks_groups, {
    edge     = module.edge.security_group_id
    database = module.database.security_group_id
    cache    = module.cache.security_group_id
  })

  flows = {
    edge-api           = { from = "edge", to = "api", port = 8000 }
    edge-dashboard     = { from = "edge", to = "dashboard", port = 5006 }
    dashboard-api      = { from = "dashboard", to = "api", port = 15000 }
    api-mlflow         = { from = "api", to = "mlflow", port = 5000 }
    monitor-mlflow     = { from = "monitor", to = "mlflow", port = 5000 }
    jobs-mlflow        = { from = "jobs", to = "mlflow", port = 5000 }
    dashboard-mlflow   = { from = "dashboard", to = "mlflow", port = 5000 }
    api-cache          = { from = "api", to = "cache", port = 6379 }
    api-database       = { from = "api", to = "database", port = 5432 }
    dashboard-database = { from = "dashboard", to = "database", port = 5432 }
    mlflow-database    = { from = "mlflow", to = "database", port = 5432 }
    monitor-database   = { from = "monitor", to = "database", port = 5432 }
    migrate-database   = { from = "migrate", to = "database", port = 5432 }
    jobs-database      = { from = "jobs", to = "database", port = 5432 }
    roles-database     = { from = "roles", to = "database", port = 5432 }
  }
}

resource "aws_vpc_security_group_egress_rule" "flow" {
  for_each                     = local.flows
  security_group_id            = local.groups[each.value.from]
  referenced_security_group_id = local.groups[each.value.to]
  description                  = each.key
  from_port                    = each.value.port
  to_port                      = each.value.port
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "flow" {
  for_each                     = local.flows
  security_group_id            = local.groups[each.value.to]
  referenced_security_group_id = local.groups[each.value.from]
  description                  = each.key
  from_port                    = each.value.port
  to_port                      = each.value.port
  ip_protocol                  = "tcp"
}

# Images, logs and secrets of AWS, and for jobs the archive of trips: all by TLS.
resource "aws_vpc_security_group_egress_rule" "tls" {
  #checkov:skip=CKV_AWS_382:Port 443 alone; S3 and the archive of trips have no addresses that could be named
  for_each          = local.tasks_groups
  security_group_id = each.value
  description       = "TLS to AWS and the archive of trips"
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
}
