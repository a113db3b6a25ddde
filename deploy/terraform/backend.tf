# Where the state is: terraform init -backend-config=environments/prod.s3.tfbackend
terraform {
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
