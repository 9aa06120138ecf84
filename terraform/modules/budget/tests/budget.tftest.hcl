mock_provider "aws" {
  source          = "../../testing"
  override_during = plan
}

variables {
  name        = "hidden-gems-test"
  monthly_usd = { training = 2000, serving = 1500, storage = 500, monitoring = 300 }
  topic_arn   = "arn:aws:sns:eu-central-1:111122223333:alarms"
}

run "safe" {
  command = plan
  assert {
    condition     = aws_budgets_budget.total.limit_amount == "4300" && output.total_usd == 4300
    error_message = "The total must be the sum of the parts."
  }
  assert {
    condition     = { for part, budget in aws_budgets_budget.part : part => budget.limit_amount } == { training = "2000", serving = "1500", storage = "500", monitoring = "300" }
    error_message = "Each part must have its own budget."
  }
  assert {
    condition     = one(aws_budgets_budget.part["training"].cost_filter).values == tolist(["user:part$training"])
    error_message = "A part is what carries its tag."
  }
  assert {
    condition = alltrue([
      for budget in concat([aws_budgets_budget.total], values(aws_budgets_budget.part)) :
      anytrue([for told in budget.notification : told.notification_type == "FORECASTED"]) && alltrue([for told in budget.notification : contains(told.subscriber_sns_topic_arns, var.topic_arn)])
    ])
    error_message = "Somebody must hear before the money is spent."
  }
}

run "refused" {
  command = plan
  variables {
    name        = "Hidden Gems"
    monthly_usd = { everything = 4300 }
    anomaly_usd = 0
    topic_arn   = "alarms"
  }
  expect_failures = [var.name, var.monthly_usd, var.anomaly_usd, var.topic_arn]
}
