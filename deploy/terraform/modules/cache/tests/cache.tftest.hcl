variables {
  name      = "taxi-test"
  vpc_id    = "vpc-1"
  subnets   = ["subnet-1", "subnet-2"]
  key_arn   = "arn:aws:kms:eu-west-1:111122223333:key/k"
  node_type = "cache.t4g.micro"
  standby   = true
}

run "it_is_encrypted_on_the_way_and_at_rest" {
  command = apply
  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.at_rest_encryption_enabled
    error_message = "Counts travel or lie in clear."
  }
  assert {
    condition     = startswith(output.url, "rediss://")
    error_message = "The API would ask without TLS."
  }
}

run "a_standby_takes_over" {
  command = plan
  assert {
    condition     = aws_elasticache_replication_group.this.num_cache_clusters == 2 && aws_elasticache_replication_group.this.automatic_failover_enabled
    error_message = "There is no standby."
  }
}

run "one_node_does_not_pretend_to_fail_over" {
  command = plan
  variables {
    standby = false
  }
  assert {
    condition     = aws_elasticache_replication_group.this.num_cache_clusters == 1 && !aws_elasticache_replication_group.this.automatic_failover_enabled
    error_message = "AWS refuses a failover to nowhere."
  }
}
