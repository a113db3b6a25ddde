variables {
  name                = "taxi-test"
  vpc_id              = "vpc-1"
  subnets             = ["subnet-1", "subnet-2"]
  key_arn             = "arn:aws:kms:eu-west-1:111122223333:key/k"
  instance_class      = "db.t4g.medium"
  multi_az            = true
  storage_gb          = 50
  backup_days         = 14
  deletion_protection = true
}

run "it_is_not_public" {
  command = plan
  assert {
    condition     = aws_db_instance.this.publicly_accessible == false
    error_message = "The database has an address of the internet."
  }
  assert {
    condition     = length(aws_security_group.this.tags) > 0 && aws_db_instance.this.db_subnet_group_name == "taxi-test"
    error_message = "It does not lie in the subnets that were given."
  }
}

run "no_password_is_known_here" {
  command = plan
  assert {
    condition     = aws_db_instance.this.manage_master_user_password == true && aws_db_instance.this.password == null
    error_message = "A password of the database would be in the state."
  }
}

run "a_deletion_leaves_a_snapshot" {
  command = plan
  assert {
    condition     = aws_db_instance.this.skip_final_snapshot == false && aws_db_instance.this.final_snapshot_identifier == "taxi-test-final"
    error_message = "A deletion would leave nothing behind."
  }
  assert {
    condition     = aws_db_instance.this.deletion_protection && aws_db_instance.this.delete_automated_backups == false
    error_message = "It can be deleted, or its backups go with it."
  }
}

run "it_is_encrypted_at_rest_and_on_the_way" {
  command = plan
  assert {
    condition     = aws_db_instance.this.storage_encrypted && aws_db_instance.this.kms_key_id == var.key_arn
    error_message = "Its storage is not encrypted by our key."
  }
  assert {
    condition = anytrue([
      for parameter in aws_db_parameter_group.this.parameter :
      parameter.name == "rds.force_ssl" && parameter.value == "1"
    ])
    error_message = "It talks without TLS."
  }
}

run "no_place_of_a_trip_gets_into_a_log" {
  command = plan
  assert {
    condition = alltrue([
      for name in ["log_parameter_max_length", "log_parameter_max_length_on_error"] :
      anytrue([for parameter in aws_db_parameter_group.this.parameter : parameter.name == name && parameter.value == "0"])
    ])
    error_message = "Parameters of statements are logged."
  }
}

run "a_second_zone_takes_over" {
  command = plan
  assert {
    condition     = aws_db_instance.this.multi_az
    error_message = "There is no standby."
  }
}

run "it_is_watched" {
  command = plan
  assert {
    condition     = aws_db_instance.this.performance_insights_enabled && aws_db_instance.this.monitoring_interval == 60
    error_message = "Nobody sees what it does."
  }
}

run "a_retired_version_is_refused" {
  command = plan
  variables {
    engine_version = "13.7"
  }
  expect_failures = [var.engine_version]
}

run "too_few_backups_are_refused" {
  command = plan
  variables {
    backup_days = 1
  }
  expect_failures = [var.backup_days]
}
