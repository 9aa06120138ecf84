variable "name" {
  description = "Name of the environment; prefix of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name has 3 to 31 lower-case letters, digits and hyphens and begins with a letter."
  }
}

variable "kms_key_arn" {
  description = "Key of the environment."
  type        = string
}

variable "alarm_emails" {
  description = "People who get a mail when AWS's own services are in trouble or too dear."
  type        = set(string)

  validation {
    condition     = length(var.alarm_emails) > 0 && alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", address))])
    error_message = "At least one mail address: an alarm that nobody gets is none."
  }
}

variable "kafka_cluster_name" {
  description = "Kafka cluster that is watched."
  type        = string
}

variable "kafka_brokers" {
  description = "Brokers of that cluster; MSK numbers them from 1."
  type        = number
}

variable "replication_group_id" {
  description = "Valkey replication group that is watched."
  type        = string
}

variable "cache_nodes" {
  description = "Nodes of that group; ElastiCache numbers them from 001."
  type        = number
}

variable "database_identifier" {
  description = "Database that is watched."
  type        = string
}
