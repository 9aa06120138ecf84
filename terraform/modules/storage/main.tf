data "aws_caller_identity" "current" {}

locals {
  prefix = "${var.name}-${data.aws_caller_identity.current.account_id}"
}

module "logs" {
  source = "../bucket"

  name           = "${local.prefix}-logs"
  part           = "monitoring"
  access_logs_of = [data.aws_caller_identity.current.account_id]
  expire_days    = 90
  force_destroy  = var.force_destroy
}

module "bucket" {
  source   = "../bucket"
  for_each = var.buckets

  name            = "${local.prefix}-${each.key}"
  kms_key_arn     = var.kms_key_arn
  log_bucket      = module.logs.name
  noncurrent_days = each.value.noncurrent_days
  archive_days    = each.value.archive_days
  expire_days     = each.value.expire_days
  force_destroy   = var.force_destroy
}
