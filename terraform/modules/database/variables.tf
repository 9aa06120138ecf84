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
  description = "Data subnets, in two zones at least."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "RDS wants subnets in two zones."
  }
}

variable "instance_class" {
  description = "Class of the instance."
  type        = string

  validation {
    condition     = can(regex("^db\\.(t4g|m7g|r7g)\\.", var.instance_class))
    error_message = "A class such as db.t4g.medium."
  }
}

variable "storage_gb" {
  description = "Disk in GB; it grows by itself up to four times as much."
  type        = number
  default     = 50

  validation {
    condition     = var.storage_gb >= 20 && var.storage_gb <= 4096
    error_message = "Between 20 and 4096 GB."
  }
}

variable "multi_az" {
  description = "Whether a standby in another zone takes over by itself."
  type        = bool
  default     = true
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the database; without it, it also goes without a last snapshot."
  type        = bool
  default     = true
}
