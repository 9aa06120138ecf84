data "aws_caller_identity" "current" {}

locals {
  # What the boards in the cluster cannot see when the cluster is what fails: AWS watches its own services.
  above = "GreaterThanThreshold"
  brokers = { for number in range(1, var.kafka_brokers + 1) : "kafka-disk-${number}" => {
    namespace  = "AWS/Kafka", metric = "KafkaDataLogsDiskUsed", statistic = "Maximum", comparison = local.above, threshold = 75
    dimensions = { "Cluster Name" = var.kafka_cluster_name, "Broker ID" = tostring(number) }
    text       = "The disk of a broker is 75 % full: raise volume_gb."
  } }
  memory = { for number in range(1, var.cache_nodes + 1) : "cache-memory-${number}" => {
    namespace  = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", statistic = "Maximum", comparison = local.above, threshold = 75
    dimensions = { CacheClusterId = format("%s-%03d", var.replication_group_id, number) }
    text       = "Valkey is 75 % full; at 100 % writes fail: choose a larger node_type."
  } }
  processor = { for number in range(1, var.cache_nodes + 1) : "cache-cpu-${number}" => {
    namespace  = "AWS/ElastiCache", metric = "EngineCPUUtilization", statistic = "Average", comparison = local.above, threshold = 80
    dimensions = { CacheClusterId = format("%s-%03d", var.replication_group_id, number) }
    text       = "Valkey's one thread is busy: answers will be late."
  } }
  whole = {
    kafka-offline = {
      namespace  = "AWS/Kafka", metric = "OfflinePartitionsCount", statistic = "Maximum", comparison = local.above, threshold = 0
      dimensions = { "Cluster Name" = var.kafka_cluster_name }
      text       = "Partitions without a leader: feedback is refused."
    }
    database-disk = {
      namespace  = "AWS/RDS", metric = "FreeStorageSpace", statistic = "Minimum", comparison = "LessThanThreshold", threshold = 5368709120
      dimensions = { DBInstanceIdentifier = var.database_identifier }
      text       = "Less than 5 GiB left in PostgreSQL."
    }
    database-cpu = {
      namespace  = "AWS/RDS", metric = "CPUUtilization", statistic = "Average", comparison = local.above, threshold = 80
      dimensions = { DBInstanceIdentifier = var.database_identifier }
      text       = "PostgreSQL is busy: MLflow and Feast's registry will be slow."
    }
  }
  alarms = merge(local.brokers, local.memory, local.processor, local.whole)
}

resource "aws_sns_topic" "this" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.kms_key_arn

  tags = { part = "monitoring" }
}

resource "aws_sns_topic_policy" "this" {
  arn = aws_sns_topic.this.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AlarmsOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com", "costalerts.amazonaws.com"] }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.this.arn
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

# Each person confirms by the link in the first mail.
resource "aws_sns_topic_subscription" "mail" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = 3
  treat_missing_data  = "missing"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]

  tags = { part = "monitoring" }
}
