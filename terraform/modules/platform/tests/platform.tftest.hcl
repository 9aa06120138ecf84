mock_provider "aws" {
  source          = "../../testing"
  override_during = plan
}

variables {
  environment        = "staging"
  region             = "eu-central-1"
  domain             = "gems.example.org"
  network            = { cidr = "10.40.0.0/16", nat_gateways = 1, interface_endpoints = ["sts"] }
  kubernetes_version = "1.35"
  node_groups = {
    system = { instance_types = ["m6a.xlarge"], part = "monitoring", capacity = "ON_DEMAND", gpu = false, min = 2, desired = 2, max = 3, disk_gb = 100 }
  }
  buckets      = { artifacts = {}, models = {}, events = { noncurrent_days = 7 } }
  kafka        = { instance_type = "kafka.t3.small", brokers_per_zone = 1, volume_gb = 50 }
  cache        = { node_type = "cache.t4g.small", nodes = 2 }
  database     = { instance_class = "db.t4g.micro", storage_gb = 20, multi_az = false }
  budget_usd   = { training = 300, serving = 700, storage = 150, monitoring = 350 }
  alarm_emails = ["somebody@example.org"]
  replica = {
    region      = "eu-west-1"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000009"
    bucket_arns = { artifacts = "arn:aws:s3:::a", models = "arn:aws:s3:::m", events = "arn:aws:s3:::e" }
  }
}

run "safe" {
  command = plan
  assert {
    condition = [for line in split("\n", trimspace(output.cluster_config_env)) : split("=", line)[0]] == [
      "AWS_REGION", "CLUSTER_NAME", "ACCOUNT_ID", "ECR_REGISTRY", "ARTIFACTS_BUCKET", "MODELS_BUCKET", "EVENTS_BUCKET",
      "KAFKA_BOOTSTRAP_SERVERS", "REDIS_HOST", "REDIS_PORT", "POSTGRES_HOST", "POSTGRES_PORT", "DOMAIN",
    ]
    error_message = "The keys are an interface with the manifests."
  }
  assert {
    condition     = alltrue([for line in split("\n", trimspace(output.cluster_config_env)) : can(regex("^[A-Z_]+=[A-Za-z0-9.,:/_-]+$", line))])
    error_message = "Every key needs a value without spaces or quotes."
  }
  assert {
    condition     = strcontains(output.cluster_config_env, "ECR_REGISTRY=111122223333.dkr.ecr.eu-central-1.amazonaws.com\n") && strcontains(output.cluster_config_env, ":9098")
    error_message = "Images come from this account's registry, messages go by IAM over TLS."
  }
}

run "refused" {
  command = plan
  variables {
    environment = "test"
    domain      = "https://gems"
    buckets     = { artifacts = {}, models = {}, events = { noncurrent_days = 90 } }
    replica     = { region = "eu-central-1", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/1", bucket_arns = {} }
  }
  expect_failures = [var.environment, var.domain, var.buckets, var.replica]
}
