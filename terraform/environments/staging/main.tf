locals {
  environment = "staging"
  tags        = { project = "hidden-gems", environment = local.environment }
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

module "replica" {
  source = "../../modules/replica"

  providers = {
    aws = aws.replica
  }

  name               = "hidden-gems-${local.environment}"
  buckets            = var.settings.buckets
  replicate_database = var.settings.database.multi_az
  database_arn       = module.platform.database_arn
  force_destroy      = var.removable
}

module "platform" {
  source = "../../modules/platform"

  environment         = local.environment
  region              = var.region
  domain              = var.domain
  network             = var.settings.network
  kubernetes_version  = var.settings.kubernetes_version
  public_access_cidrs = var.public_access_cidrs
  access              = var.access
  node_groups         = var.settings.node_groups
  buckets             = var.settings.buckets
  kafka               = var.settings.kafka
  cache               = var.settings.cache
  database            = var.settings.database
  budget_usd          = var.settings.budget_usd
  alarm_emails        = var.alarm_emails
  removable           = var.removable
  tags                = local.tags

  replica = {
    region      = var.replica_region
    kms_key_arn = module.replica.kms_key_arn
    bucket_arns = module.replica.bucket_arns
  }
}
