variable "account_id" {
  description = "AWS account of this environment; any other is refused before a plan is made."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id has twelve digits."
  }
}

variable "region" {
  description = "Region of the environment."
  type        = string
}

variable "replica_region" {
  description = "Second region, which keeps copies."
  type        = string
}

variable "domain" {
  description = "Domain under which the gateway answers."
  type        = string
}

variable "alarm_emails" {
  description = "People who get a mail when AWS's own services are in trouble or too dear."
  type        = set(string)
}

variable "access" {
  description = "Who may use the Kubernetes API, by name: principal_arn, policy, namespaces."
  type = map(object({
    principal_arn = string
    policy        = optional(string, "AmazonEKSViewPolicy")
    namespaces    = optional(list(string), [])
  }))
  default = {}
}

variable "public_access_cidrs" {
  description = "Addresses of an office that may reach the Kubernetes API over the internet; none makes it private."
  type        = list(string)
  default     = []
}

variable "removable" {
  description = "Whether full buckets and the database may be destroyed; true only while the environment is being taken down."
  type        = bool
  default     = false
}

# Sizes alone: what differs between the environments and costs money. `gems cost` reads them too.
# The types are checked in modules/platform, which takes each part by its name.
variable "settings" {
  description = "Sizes: network, kubernetes_version, node_groups, buckets, kafka, cache, database, budget_usd; see modules/platform."
  type        = any
}
