variable "name" {
  description = "Name of the environment; prefix of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name has 3 to 31 lower-case letters, digits and hyphens and begins with a letter."
  }
}

variable "vpc_id" {
  description = "VPC of the environment."
  type        = string
}

variable "client_security_group_id" {
  description = "Security group that may connect: the one of the cluster."
  type        = string
}

variable "kms_key_arn" {
  description = "Key of the environment."
  type        = string
}

variable "subnet_ids" {
  description = "Data subnets, one a zone; three, so that a message has three copies in three zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) == 3
    error_message = "Three subnets in three zones: replication factor 3, two in sync."
  }
}

variable "kafka_version" {
  description = "Version of Kafka as MSK names it; .kraft means without ZooKeeper, which cannot be changed later."
  type        = string
  default     = "3.9.x.kraft"

  validation {
    condition     = can(regex("^(3\\.[6-9]|4\\.[0-9])\\.(x|[0-9]+)(\\.kraft)?$", var.kafka_version))
    error_message = "A version such as 3.9.x.kraft, not older than 3.6."
  }
}

variable "instance_type" {
  description = "Type of a broker; kafka.t3.small is for staging, its processor runs on credits."
  type        = string

  validation {
    condition     = can(regex("^kafka\\.(t3|m5|m7g)\\.", var.instance_type))
    error_message = "A type such as kafka.m7g.large."
  }
}

variable "brokers_per_zone" {
  description = "Brokers in each zone; more can be added, fewer not without moving partitions."
  type        = number
  default     = 1

  validation {
    condition     = var.brokers_per_zone >= 1 && var.brokers_per_zone <= 5
    error_message = "One to five brokers a zone."
  }
}

variable "volume_gb" {
  description = "Disk of a broker in GB; it can grow, never shrink."
  type        = number
  default     = 100

  validation {
    condition     = var.volume_gb >= 10 && var.volume_gb <= 16384
    error_message = "Between 10 and 16384 GB."
  }
}
