variable "name" {
  description = "Name of the environment; prefix of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name has 3 to 31 lower-case letters, digits and hyphens and begins with a letter."
  }
}

variable "cluster_name" {
  description = "Cluster whose service accounts get the roles."
  type        = string
}

variable "associate" {
  description = "Whether EKS is told of the roles; only a test without a real EKS says no."
  type        = bool
  default     = true
}

variable "bucket_arns" {
  description = "ARNs of the buckets artifacts, models and events."
  type        = map(string)

  validation {
    condition     = toset(keys(var.bucket_arns)) == toset(["artifacts", "events", "models"])
    error_message = "The buckets are artifacts, events and models."
  }
}

variable "kafka_cluster_arn" {
  description = "ARN of the Kafka cluster."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kafka:[a-z0-9-]+:[0-9]{12}:cluster/", var.kafka_cluster_arn))
    error_message = "The ARN of an MSK cluster."
  }
}

variable "kms_key_arn" {
  description = "Key of the environment."
  type        = string
}

variable "secrets_prefix" {
  description = "Beginning of the names of the environment's secrets."
  type        = string

  validation {
    condition     = can(regex("^hidden-gems/[a-z]+$", var.secrets_prefix))
    error_message = "Secrets live under hidden-gems/ENVIRONMENT."
  }
}

variable "secrets" {
  description = "Secrets by the last part of their names, with the properties that a person puts in."
  type        = map(string)
  default = {
    keys      = "pseudonym_key, token_keys, api_keys of the servers"
    callers   = "keys of those who call the gateway"
    mlflow    = "username and password of MLflow in PostgreSQL"
    feast     = "username and password of Feast in PostgreSQL"
    pagerduty = "routing_key of the alerts"
  }
}
