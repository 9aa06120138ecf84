variable "account_id" {
  description = "AWS account; any other is refused before a plan is made."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id has twelve digits."
  }
}

variable "region" {
  description = "Region of state and images."
  type        = string
}

variable "replica_region" {
  description = "Second region, to which both are copied."
  type        = string

  validation {
    condition     = var.replica_region != var.region
    error_message = "A copy in the same region is no copy."
  }
}
