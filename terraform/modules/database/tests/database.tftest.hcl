mock_provider "aws" {
  source          = "../../testing"
  override_during = plan
}

variables {
  name                     = "hidden-gems-test"
  vpc_id                   = "vpc-1"
  subnet_ids               = ["subnet-a", "subnet-b"]
  client_security_group_id = "sg-cluster"
  kms_key_arn              = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000001"
  instance_class           = "db.t4g.medium"
}

run "safe" {
  command = plan
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "RDS must own the master password; none may stand in the state."
  }
  assert {
    condition     = !aws_db_instance.this.publicly_accessible && aws_vpc_security_group_ingress_rule.this.referenced_security_group_id == "sg-cluster"
    error_message = "Only the cluster may reach the database."
  }
  assert {
    condition     = aws_db_instance.this.storage_encrypted && aws_db_instance.this.kms_key_id == var.kms_key_arn && aws_db_instance.this.master_user_secret_kms_key_id == var.kms_key_arn
    error_message = "Disk and password must be under our key."
  }
  assert {
    condition     = anytrue([for parameter in aws_db_parameter_group.this.parameter : parameter.name == "rds.force_ssl" && parameter.value == "1"])
    error_message = "Whoever does not come by TLS must be refused."
  }
  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot
    error_message = "By default a zone may fail, and nobody deletes the database by mistake."
  }
  assert {
    condition     = aws_db_instance.this.backup_retention_period >= 7 && aws_db_instance.this.backup_retention_period <= 30
    error_message = "A week of backups at least, and 30 days at most (decision 28)."
  }
}

run "refused" {
  command = plan
  variables {
    name           = "Hidden Gems"
    subnet_ids     = ["subnet-a"]
    instance_class = "t4g.medium"
    storage_gb     = 5
  }
  expect_failures = [var.name, var.subnet_ids, var.instance_class, var.storage_gb]
}
