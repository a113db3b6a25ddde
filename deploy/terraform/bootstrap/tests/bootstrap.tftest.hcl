variables {
  region = "eu-west-1"
}

run "the_state_is_kept_in_versions_under_a_key" {
  command = plan
  assert {
    condition     = aws_kms_key.state.enable_key_rotation
    error_message = "The key of the state does not rotate."
  }
}
