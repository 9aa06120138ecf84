variable "environment" {
  description = "Which environment this is; part of every name."
  type        = string

  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "The environment is staging or production."
  }
}

variable "region" {
  description = "Region of the environment."
  type        = string
}

variable "domain" {
  description = "Domain under which the gateway answers."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "A domain such as gems.example.org."
  }
}

variable "network" {
  description = "Addresses, NAT gateways and interface endpoints; see modules/network."
  type = object({
    cidr                = string
    nat_gateways        = number
    interface_endpoints = set(string)
  })
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes."
  type        = string
}

variable "public_access_cidrs" {
  description = "Addresses of an office that may reach the Kubernetes API over the internet; none makes it private."
  type        = list(string)
  default     = []
}

variable "access" {
  description = "Who may use the Kubernetes API; see modules/cluster."
  type = map(object({
    principal_arn = string
    policy        = optional(string, "AmazonEKSViewPolicy")
    namespaces    = optional(list(string), [])
  }))
  default = {}
}

variable "node_groups" {
  description = "Node groups by name; see modules/cluster. Everything is written out, because `gems cost` reads it too."
  type = map(object({
    instance_types = list(string)
    part           = string
    capacity       = string
    gpu            = bool
    min            = number
    desired        = number
    max            = number
    disk_gb        = number
  }))
}

variable "buckets" {
  description = "The buckets artifacts, models and events; see modules/storage."
  type = map(object({
    noncurrent_days = optional(number, 30)
    archive_days    = optional(number)
    expire_days     = optional(number)
  }))

  validation {
    condition     = try(var.buckets["events"].noncurrent_days, 31) <= 30
    error_message = "The bucket events names people (by pseudonym): what was erased must be gone within 30 days (decision 28)."
  }
}

variable "kafka" {
  description = "Brokers; see modules/streaming."
  type = object({
    instance_type    = string
    brokers_per_zone = number
    volume_gb        = number
  })
}

variable "cache" {
  description = "Nodes of Valkey; see modules/cache."
  type = object({
    node_type = string
    nodes     = number
  })
}

variable "database" {
  description = "PostgreSQL; see modules/database."
  type = object({
    instance_class = string
    storage_gb     = number
    multi_az       = bool
  })
}

variable "budget_usd" {
  description = "Budget of a month in USD by part."
  type        = map(number)
}

variable "alarm_emails" {
  description = "People who get a mail when AWS's own services are in trouble or too dear."
  type        = set(string)
}

variable "replica" {
  description = "What modules/replica made in the second region."
  type = object({
    region      = string
    kms_key_arn = string
    bucket_arns = map(string)
  })

  validation {
    condition     = var.replica.region != var.region
    error_message = "A copy in the same region is no copy."
  }
}

variable "removable" {
  description = "Whether full buckets and the database may be destroyed; true only while an environment is being taken down."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of machines and volumes, which the provider's default tags do not reach."
  type        = map(string)
  default     = {}
}
