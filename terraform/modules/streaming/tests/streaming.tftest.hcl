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
  instance_type            = "kafka.m7g.large"
}

run "safe" {
  command = plan
  assert {
    condition     = aws_msk_cluster.this.encryption_info[0].encryption_in_transit[0].client_broker == "TLS" && aws_msk_cluster.this.encryption_info[0].encryption_in_transit[0].in_cluster
    error_message = "Messages must be encrypted on every wire."
  }
  assert {
    condition     = aws_msk_cluster.this.client_authentication[0].sasl[0].iam && !aws_msk_cluster.this.client_authentication[0].unauthenticated
    error_message = "Clients must sign in with IAM, and nobody else may."
  }
  assert {
    condition     = aws_msk_cluster.this.encryption_info[0].encryption_at_rest_kms_key_arn == var.kms_key_arn
    error_message = "Disks must be under our key."
  }
  assert {
    condition     = aws_msk_cluster.this.number_of_broker_nodes == 3 && strcontains(aws_msk_configuration.this.server_properties, "min.insync.replicas=2") && strcontains(aws_msk_configuration.this.server_properties, "unclean.leader.election.enable=false")
    error_message = "An acknowledged message must be on two brokers and outlive one of them."
  }
  assert {
    condition     = strcontains(aws_msk_configuration.this.server_properties, "auto.create.topics.enable=false") && strcontains(aws_msk_configuration.this.server_properties, "log.retention.hours=168")
    error_message = "Topics are made on purpose and forget after seven days (decision 28)."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.this : rule.referenced_security_group_id == "sg-cluster" && rule.cidr_ipv4 == null])
    error_message = "Only the cluster may reach the brokers."
  }
}

run "refused" {
  command = plan
  variables {
    name             = "Hidden Gems"
    subnet_ids       = ["subnet-a", "subnet-b"]
    kafka_version    = "2.8.1"
    instance_type    = "m7g.large"
    brokers_per_zone = 0
    volume_gb        = 1
  }
  expect_failures = [var.name, var.subnet_ids, var.kafka_version, var.instance_type, var.brokers_per_zone, var.volume_gb]
}
