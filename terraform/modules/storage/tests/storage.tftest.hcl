mock_provider "aws" {
  source          = "../../testing"
  override_during = plan
}

variables {
  name                = "hidden-gems-test"
  kms_key_arn         = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000001"
  replica_kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000002"
  replica_region      = "eu-west-1"
  replica_arns        = { events = "arn:aws:s3:::hidden-gems-test-events-eu-west-1" }
  repositories        = ["hidden-gems/online"]
  buckets = {
    events  = { noncurrent_days = 7, archive_days = 90 }
    scratch = { expire_days = 14 }
  }
}

run "safe" {
  command = plan
  assert {
    condition     = keys(aws_s3_bucket_replication_configuration.this) == ["events"]
    error_message = "What has a copy in the second region is replicated, and nothing else."
  }
  assert {
    condition = alltrue([
      for configuration in aws_s3_bucket_replication_configuration.this :
      configuration.rule[0].status == "Enabled" && configuration.rule[0].delete_marker_replication[0].status == "Enabled"
      && configuration.rule[0].destination[0].encryption_configuration[0].replica_kms_key_id == var.replica_kms_key_arn
    ])
    error_message = "Copies must follow deletions and lie under the second region's key."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.replication.policy).Statement : alltrue([for resource in statement.Resource : resource != "*"])
    ])
    error_message = "The role that copies must name what it may touch."
  }
  assert {
    condition = alltrue([
      for repository in aws_ecr_repository.this :
      repository.image_tag_mutability == "IMMUTABLE" && repository.image_scanning_configuration[0].scan_on_push && repository.encryption_configuration[0].encryption_type == "KMS"
    ])
    error_message = "Images must be immutable, scanned and encrypted."
  }
  assert {
    condition     = aws_ecr_replication_configuration.this[0].replication_configuration[0].rule[0].destination[0].region == "eu-west-1"
    error_message = "Images must be copied to the second region."
  }
}

run "refused" {
  command = plan
  variables {
    name         = "a-name-that-is-too-long-for-its-buckets"
    repositories = ["Hidden_Gems"]
    replica_arns = { models = "arn:aws:s3:::a-bucket-without-its-source" }
  }
  expect_failures = [var.name, var.repositories, var.replica_arns]
}
