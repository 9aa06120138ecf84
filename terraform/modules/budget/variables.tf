variable "name" {
  description = "Name of the environment; prefix of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name has 3 to 31 lower-case letters, digits and hyphens and begins with a letter."
  }
}

variable "monthly_usd" {
  description = "Budget of each part in USD a month; the total is their sum."
  type        = map(number)

  validation {
    condition     = toset(keys(var.monthly_usd)) == toset(["monitoring", "serving", "storage", "training"]) && alltrue([for amount in var.monthly_usd : amount > 0])
    error_message = "Four parts with an amount each: training, serving, storage, monitoring."
  }
}

variable "anomaly_usd" {
  description = "Unusual cost of a day, in USD, from which on somebody is told."
  type        = number
  default     = 50

  validation {
    condition     = var.anomaly_usd > 0
    error_message = "More than nothing."
  }
}

variable "topic_arn" {
  description = "Topic that is told."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:sns:", var.topic_arn))
    error_message = "The ARN of an SNS topic."
  }
}
