mock_provider "aws" {
  source          = "../../testing"
  override_during = plan
}

variables {
  name           = "hidden-gems-test-events"
  kms_key_arn    = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000001"
  log_bucket     = "hidden-gems-test-logs"
  access_logs_of = ["111122223333"]
  archive_days   = 90
  expire_days    = 400
}

run "safe" {
  command = plan
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "All four kinds of public access must be blocked."
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement :
      statement.Effect == "Deny" && statement.Principal == "*" && statement.Action == "s3:*" && statement.Condition == { Bool = { "aws:SecureTransport" = "false" } }
    ])
    error_message = "Whoever does not come by TLS must be refused, whoever it is and whatever is asked."
  }
  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn
    error_message = "Objects must be under the given key."
  }
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled" && !aws_s3_bucket.this.force_destroy
    error_message = "Objects must have versions, and a full bucket must not go with its resource."
  }
  assert {
    condition     = one(aws_s3_bucket_lifecycle_configuration.this.rule[0].noncurrent_version_expiration).noncurrent_days <= 30
    error_message = "Backups forget within 30 days (decision 28)."
  }
}

run "refused" {
  command = plan
  variables {
    name            = "Bad_Name"
    access_logs_of  = ["me"]
    noncurrent_days = 0
    archive_days    = 7
    expire_days     = 0
  }
  expect_failures = [var.name, var.access_logs_of, var.noncurrent_days, var.archive_days, var.expire_days]
}
