locals {
  total = sum(values(var.monthly_usd))

  notifications = {
    "80 % spent"        = { threshold = 80, type = "ACTUAL" }
    "all of it spent"   = { threshold = 100, type = "ACTUAL" }
    "will be more than" = { threshold = 100, type = "FORECASTED" }
  }
}

# The account is the environment's own, so the whole bill counts here; untagged costs too.
resource "aws_budgets_budget" "total" {
  name         = "${var.name}-total"
  budget_type  = "COST"
  limit_amount = tostring(local.total)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "notification" {
    for_each = local.notifications

    content {
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value.threshold
      threshold_type            = "PERCENTAGE"
      notification_type         = notification.value.type
      subscriber_sns_topic_arns = [var.topic_arn]
    }
  }
}

# Each part by the tag `part`, which must be a cost allocation tag (docs/operations.md).
resource "aws_budgets_budget" "part" {
  for_each = var.monthly_usd

  name         = "${var.name}-${each.key}"
  budget_type  = "COST"
  limit_amount = tostring(each.value)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:part$%s", each.key)]
  }

  dynamic "notification" {
    for_each = local.notifications

    content {
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value.threshold
      threshold_type            = "PERCENTAGE"
      notification_type         = notification.value.type
      subscriber_sns_topic_arns = [var.topic_arn]
    }
  }
}

resource "aws_ce_anomaly_monitor" "this" {
  name         = var.name
  monitor_type = "CUSTOM"

  monitor_specification = jsonencode({
    And            = null
    CostCategories = null
    Dimensions     = null
    Not            = null
    Or             = null
    Tags           = { Key = "project", MatchOptions = null, Values = ["hidden-gems"] }
  })
}

resource "aws_ce_anomaly_subscription" "this" {
  name             = var.name
  frequency        = "IMMEDIATE"
  monitor_arn_list = [aws_ce_anomaly_monitor.this.arn]

  subscriber {
    type    = "SNS"
    address = var.topic_arn
  }

  threshold_expression {
    dimension {
      key           = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
      match_options = ["GREATER_THAN_OR_EQUAL"]
      values        = [tostring(var.anomaly_usd)]
    }
  }
}
