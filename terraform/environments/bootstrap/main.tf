locals {
  tags = { project = "hidden-gems", environment = "bootstrap" }
  # Who wrote what into the state can be looked up for a year.
  buckets = { state = { noncurrent_days = 365 } }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = local.tags
  }
}

provider "aws" {
  alias               = "replica"
  region              = var.replica_region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = local.tags
  }
}

module "encryption" {
  source = "../../modules/encryption"

  name = "hidden-gems-bootstrap"
}

# The state must be readable when its region is not.
module "replica" {
  source = "../../modules/replica"

  providers = {
    aws = aws.replica
  }

  name    = "hidden-gems"
  buckets = local.buckets
}

module "storage" {
  source = "../../modules/storage"

  name                = "hidden-gems"
  buckets             = local.buckets
  repositories        = ["hidden-gems/online", "hidden-gems/scale", "hidden-gems/train", "hidden-gems/triton"]
  kms_key_arn         = module.encryption.key_arn
  replica_arns        = module.replica.bucket_arns
  replica_kms_key_arn = module.replica.kms_key_arn
  replica_region      = var.replica_region
}
