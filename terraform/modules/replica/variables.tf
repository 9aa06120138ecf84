variable "name" {
  description = "Name of the environment."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,22}$", var.name))
    error_message = "The name has 3 to 23 lower-case letters, digits and hyphens."
  }
}

variable "buckets" {
  description = "Buckets that have a copy here; the same map as in modules/storage, so that both sides forget after the same days."
  type = map(object({
    noncurrent_days = optional(number, 30)
    archive_days    = optional(number)
    expire_days     = optional(number)
  }))
}

variable "replicate_database" {
  description = "Whether the backups of the database are copied here."
  type        = bool
  default     = false
}

variable "database_arn" {
  description = "Database whose backups are copied; needed with replicate_database."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Whether destroying deletes full buckets; only while an environment is being taken down."
  type        = bool
  default     = false
}
