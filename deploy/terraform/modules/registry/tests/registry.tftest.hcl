variables {
  name    = "taxi-test"
  key_arn = "arn:aws:kms:eu-west-1:111122223333:key/k"
  images  = ["api", "dashboard", "jobs", "mlflow"]
}

run "a_tag_never_moves" {
  command = plan
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE"])
    error_message = "A tag can be moved to another image."
  }
}

run "each_image_is_scanned" {
  command = plan
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_scanning_configuration[0].scan_on_push])
    error_message = "An image is not scanned."
  }
}

run "old_ones_go" {
  command = plan
  assert {
    condition     = length(aws_ecr_lifecycle_policy.this) == 4
    error_message = "A repository grows for ever."
  }
  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.this["api"].policy).rules[1].selection.countNumber == 30
    error_message = "Not as many are kept as was asked for."
  }
}
