# Applies what stands in terraform.tfvars.json. The modules' own tests know at the plan what AWS would only tell later;
# here nothing is known before its time, so a count or for_each that would need it fails.
mock_provider "aws" {
  source = "../../testing"
}

mock_provider "aws" {
  alias  = "replica"
  source = "../../testing"
}

run "safe" {
  assert {
    condition     = strcontains(output.cluster_config_env, "CLUSTER_NAME=hidden-gems-staging\n") && strcontains(output.cluster_config_env, "DOMAIN=${var.domain}\n")
    error_message = "The manifests must get this environment's values."
  }
  assert {
    condition     = sum(values(var.settings.budget_usd)) == 1450
    error_message = "The budget moved."
  }
  assert {
    condition     = keys(module.replica.bucket_names) == keys(var.settings.buckets)
    error_message = "Every bucket needs its copy in the second region."
  }
  assert {
    condition     = !var.removable && length(var.public_access_cidrs) == 0
    error_message = "Nothing may be destroyed full and the API is private, unless somebody says so for a while."
  }
}

run "refused" {
  command = plan
  variables {
    account_id = "me"
  }
  expect_failures = [var.account_id]
}
