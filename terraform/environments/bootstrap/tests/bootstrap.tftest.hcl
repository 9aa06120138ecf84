# Here nothing is known before its time, so a count or for_each that would need it fails.
mock_provider "aws" {
  source = "../../testing"
}

mock_provider "aws" {
  alias  = "replica"
  source = "../../testing"
}

run "safe" {
  assert {
    condition     = length(split("\n", trimspace(output.backend_config))) == 3 && strcontains(output.backend_config, "kms_key_id = \"arn:aws:kms:")
    error_message = "A backend needs bucket, region and key."
  }
  assert {
    condition     = keys(output.repository_urls) == ["hidden-gems/online", "hidden-gems/scale", "hidden-gems/train", "hidden-gems/triton"]
    error_message = "There is one repository for each image of the manifests."
  }
}

run "refused" {
  command = plan
  variables {
    account_id     = "me"
    replica_region = "eu-central-1"
  }
  expect_failures = [var.account_id, var.replica_region]
}
