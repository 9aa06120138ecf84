variable "name" {
  description = "Name of the bucket, unique in all of AWS."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits and hyphens."
  }
}

variable "part" {
  description = "Budget that pays for the bucket."
  type        = string
  default     = "storage"
}

variable "kms_key_arn" {
  description = "Key of the objects; null takes S3's own (AES-256), for buckets that hold access logs."
  type        = string
  default     = null
}

variable "log_bucket" {
  description = "Bucket that gets the access logs; null writes none."
  type        = string
  default     = null
}

variable "access_logs_of" {
  description = "Account ids whose access logs may be delivered here."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.access_logs_of : can(regex("^[0-9]{12}$", account))])
    error_message = "An account id has twelve digits."
  }
}

variable "noncurrent_days" {
  description = "Days for which replaced and deleted objects can be brought back; where people are named, 30 is the most that the promise of erasure allows."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1 && var.noncurrent_days <= 365
    error_message = "Between 1 and 365 days."
  }
}

variable "archive_days" {
  description = "Age in days at which objects move to infrequent access; null leaves them."
  type        = number
  default     = null

  validation {
    condition     = var.archive_days == null || try(var.archive_days >= 30, false)
    error_message = "S3 moves objects to infrequent access after 30 days at the earliest."
  }
}

variable "expire_days" {
  description = "Age in days at which objects are deleted; null keeps them."
  type        = number
  default     = null

  validation {
    condition     = var.expire_days == null || try(var.expire_days >= 1, false)
    error_message = "At least one day, or null."
  }
}

variable "force_destroy" {
  description = "Whether destroying the bucket deletes what is in it."
  type        = bool
  default     = false
}
