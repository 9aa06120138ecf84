variable "name" {
  description = "Name of the environment; with the account's id it is the prefix of every bucket."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "The name has 3 to 25 lower-case letters, digits and hyphens, so that the longest bucket name stays below 64."
  }
}

variable "buckets" {
  description = "Buckets by the last part of their names; days as in modules/bucket."
  type = map(object({
    noncurrent_days = optional(number, 30)
    archive_days    = optional(number)
    expire_days     = optional(number)
  }))
}

variable "repositories" {
  description = "Container repositories; their tags cannot be moved, their images are scanned and copied to the second region."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for repository in var.repositories : can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", repository))])
    error_message = "Names such as hidden-gems/online."
  }
}

variable "kms_key_arn" {
  description = "Key of buckets and repositories."
  type        = string
}

variable "replica_region" {
  description = "Second region, to which images are copied."
  type        = string
}

variable "replica_arns" {
  description = "ARNs of the copies in the second region, by the last part of their names; see modules/replica."
  type        = map(string)

  validation {
    condition     = length(setsubtract(keys(var.replica_arns), keys(var.buckets))) == 0
    error_message = "There is a copy of a bucket that is not there."
  }
}

variable "replica_kms_key_arn" {
  description = "Key of the copies, in the second region."
  type        = string
}

variable "force_destroy" {
  description = "Whether destroying deletes full buckets; only while an environment is being taken down."
  type        = bool
  default     = false
}
