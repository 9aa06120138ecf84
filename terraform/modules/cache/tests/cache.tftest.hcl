mock_provider "aws" {
  source          = "../../testing"
  override_during = plan
}

variables {
  name                     = "hidden-gems-test"
  vpc_id                   = "vpc-1"
  subnet_ids               = ["subnet-a", "subnet-b", "subnet-c"]
  client_security_group_id = "sg-cluster"
  kms_key_arn              = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000001"
  node_type                = "cache.m7g.large"
  secrets_prefix           = "hidden-gems/staging"
}

run "safe" {
  command = plan
  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_mode == "required"
    error_message = "TLS must be required, not offered."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.at_rest_encryption_enabled == "true" && aws_elasticache_replication_group.this.kms_key_id == var.kms_key_arn
    error_message = "Snapshots must be under our key."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.multi_az_enabled && aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.num_cache_clusters == 2
    error_message = "A zone may fail without people noticing."
  }
  assert {
    condition     = length(aws_elasticache_replication_group.this.user_group_ids) == 1 && aws_elasticache_user.gems.authentication_mode[0].type == "password"
    error_message = "Nobody may read or write without a password."
  }
  assert {
    condition     = strcontains(aws_elasticache_user.gems.access_string, "-@admin") && strcontains(aws_elasticache_user.gems.access_string, "-flushall")
    error_message = "A server must not be able to configure or empty the store."
  }
  assert {
    condition     = one(aws_elasticache_parameter_group.this.parameter).value == "noeviction"
    error_message = "State must never be evicted."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.this.referenced_security_group_id == "sg-cluster"
    error_message = "Only the cluster may reach the store."
  }
  assert {
    condition     = aws_secretsmanager_secret.this.name == "hidden-gems/staging/redis" && aws_secretsmanager_secret.this.kms_key_id == var.kms_key_arn
    error_message = "The password lives under the environment's prefix and our key."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.snapshot_retention_limit <= 30
    error_message = "Backups forget within 30 days (decision 28)."
  }
}

run "refused" {
  command = plan
  variables {
    name           = "Hidden Gems"
    subnet_ids     = ["subnet-a"]
    node_type      = "m7g.large"
    nodes          = 1
    secrets_prefix = "somewhere/else"
  }
  expect_failures = [var.name, var.subnet_ids, var.node_type, var.nodes, var.secrets_prefix]
}
