mock_provider "aws" {
  source          = "../../testing"
  override_during = plan
}

variables {
  name               = "hidden-gems-test"
  buckets            = { events = { noncurrent_days = 7 }, models = {} }
  replicate_database = true
  database_arn       = "arn:aws:rds:eu-central-1:111122223333:db:hidden-gems-test"
}

run "safe" {
  command = plan
  assert {
    condition     = keys(module.bucket) == ["events", "models"]
    error_message = "Every bucket needs its copy."
  }
  assert {
    condition     = aws_db_instance_automated_backups_replication.this[0].kms_key_id == module.encryption.key_arn
    error_message = "Copied backups must lie under this region's key."
  }
  assert {
    condition     = aws_db_instance_automated_backups_replication.this[0].retention_period <= 30
    error_message = "Backups forget within 30 days (decision 28)."
  }
}

run "refused" {
  command = plan
  variables {
    name    = "a-name-that-is-too-long-for-its-copies"
    buckets = {}
  }
  expect_failures = [var.name]
}
