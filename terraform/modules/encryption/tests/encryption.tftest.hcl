mock_provider "aws" {
  source          = "../../testing"
  override_during = plan
}

variables {
  name = "hidden-gems-test"
}

run "safe" {
  command = plan
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key must rotate and wait 30 days before it is deleted."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_kms_key.this.policy).Statement :
      can(statement.Condition) || statement.Principal == { AWS = "arn:aws:iam::111122223333:root" }
    ])
    error_message = "A service may use the key only under a condition that names this account."
  }
}

run "refused" {
  command = plan
  variables {
    name = "Bad_Name"
  }
  expect_failures = [var.name]
}
