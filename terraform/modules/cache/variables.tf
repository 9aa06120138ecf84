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
    error_message = "A primary and its replica need two zones."
  }
}

variable "node_type" {
  description = "Type of a node; all data are in its memory."
  type        = string

  validation {
    condition     = can(regex("^cache\\.(t4g|m7g|r7g)\\.", var.node_type))
    error_message = "A type such as cache.m7g.large."
  }
}

variable "nodes" {
  description = "The primary and its replicas, each in a zone of its own."
  type        = number
  default     = 2

  validation {
    condition     = var.nodes >= 2 && var.nodes <= 3
    error_message = "Two or three nodes: with one there is nothing to fail over to."
  }
}

variable "secrets_prefix" {
  description = "Beginning of the names of the environment's secrets."
  type        = string

  validation {
    condition     = can(regex("^hidden-gems/[a-z]+$", var.secrets_prefix))
    error_message = "Secrets live under hidden-gems/ENVIRONMENT."
  }
}
