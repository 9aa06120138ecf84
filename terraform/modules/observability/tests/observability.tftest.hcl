mock_provider "aws" {
  source          = "../../testing"
  override_during = plan
}

variables {
  name                 = "hidden-gems-test"
  kms_key_arn          = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000001"
  alarm_emails         = ["somebody@example.org"]
  kafka_cluster_name   = "hidden-gems-test"
  replication_group_id = "hidden-gems-test"
  kafka_brokers        = 3
  cache_nodes          = 2
  database_identifier  = "hidden-gems-test"
}

run "safe" {
  command = plan
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : contains(alarm.alarm_actions, aws_sns_topic.this.arn)])
    error_message = "Every alarm must reach the topic."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["kafka-disk-3"].dimensions["Broker ID"] == "3" && aws_cloudwatch_metric_alarm.this["cache-memory-2"].dimensions.CacheClusterId == "hidden-gems-test-002"
    error_message = "Every broker and every node has its own alarm."
  }
  assert {
    condition     = toset([for alarm in aws_cloudwatch_metric_alarm.this : alarm.namespace]) == toset(["AWS/Kafka", "AWS/ElastiCache", "AWS/RDS"])
    error_message = "Kafka, Valkey and PostgreSQL must each be watched."
  }
  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == var.kms_key_arn && jsondecode(aws_sns_topic_policy.this.policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "111122223333"
    error_message = "The topic must be encrypted, and only this account's services may publish."
  }
}

run "refused" {
  command = plan
  variables {
    name         = "Hidden Gems"
    alarm_emails = []
  }
  expect_failures = [var.name, var.alarm_emails]
}
