data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

module "encryption" {
  source = "../encryption"

  name = "${var.name}-replica"
}

module "bucket" {
  source   = "../bucket"
  for_each = var.buckets

  name            = "${var.name}-${data.aws_caller_identity.current.account_id}-${each.key}-${data.aws_region.current.name}"
  kms_key_arn     = module.encryption.key_arn
  noncurrent_days = each.value.noncurrent_days
  archive_days    = each.value.archive_days
  expire_days     = each.value.expire_days
  force_destroy   = var.force_destroy
}

# Backups and write-ahead log of the database: it can be brought up here as of some minutes ago.
resource "aws_db_instance_automated_backups_replication" "this" {
  count = var.replicate_database ? 1 : 0

  source_db_instance_arn = var.database_arn
  kms_key_id             = module.encryption.key_arn
  retention_period       = 7
}
