variable "name" {
  description = "Name of the cluster and prefix of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name has 3 to 31 lower-case letters, digits and hyphens and begins with a letter."
  }
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes; the control plane goes up one at a time."
  type        = string

  validation {
    condition     = can(regex("^1\\.(3[3-9]|4[0-9])$", var.kubernetes_version))
    error_message = "A minor version such as 1.35, not older than 1.33."
  }
}

variable "subnet_ids" {
  description = "Private subnets of control plane and nodes, in two zones at least."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "EKS wants subnets in two zones."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts Kubernetes secrets and the logs of the control plane."
  type        = string
}

variable "public_access_cidrs" {
  description = "Addresses from which the API may be reached over the internet; none (the default) makes it private."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrhost(cidr, 0)) && tonumber(split("/", cidr)[1]) >= 24])
    error_message = "Name networks of an office (/24 or smaller); the API is never open to the internet."
  }
}

variable "access" {
  description = "People and machines that may use the Kubernetes API: an IAM role or user, an EKS access policy, and the namespaces it is good for (none: all)."
  type = map(object({
    principal_arn = string
    policy        = optional(string, "AmazonEKSViewPolicy")
    namespaces    = optional(list(string), [])
  }))
  default = {}

  validation {
    condition = alltrue([
      for entry in var.access : contains(["AmazonEKSClusterAdminPolicy", "AmazonEKSAdminPolicy", "AmazonEKSEditPolicy", "AmazonEKSViewPolicy"], entry.policy)
    ])
    error_message = "The policy is AmazonEKSClusterAdminPolicy, AmazonEKSAdminPolicy, AmazonEKSEditPolicy or AmazonEKSViewPolicy."
  }
  validation {
    condition     = alltrue([for entry in var.access : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/", entry.principal_arn))])
    error_message = "The principal is the ARN of one IAM role or user."
  }
}

variable "node_groups" {
  description = "Node groups by name; `gpu` gives the NVIDIA image and the taint nvidia.com/gpu, `part` the budget that pays. Pods choose a group by the label `pool`."
  type = map(object({
    instance_types = list(string)
    part           = string
    capacity       = optional(string, "ON_DEMAND")
    gpu            = optional(bool, false)
    min            = optional(number, 0)
    desired        = optional(number, 0)
    max            = number
    disk_gb        = optional(number, 100)
  }))

  validation {
    condition     = anytrue([for group in var.node_groups : group.min >= 2 && group.capacity == "ON_DEMAND" && !group.gpu])
    error_message = "One group of at least two on-demand nodes without GPU must hold what the cluster itself needs."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : group.min >= 0 && group.min <= group.desired && group.desired <= group.max && group.max >= 1])
    error_message = "In every group 0 <= min <= desired <= max, and max is at least 1."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : contains(["ON_DEMAND", "SPOT"], group.capacity) && length(group.instance_types) > 0])
    error_message = "The capacity is ON_DEMAND or SPOT, with at least one instance type."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : group.gpu == alltrue([for type in group.instance_types : can(regex("^(p|g)[0-9]", type))])])
    error_message = "Types of the families p and g belong into groups with gpu = true, and no others."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : contains(["training", "serving", "storage", "monitoring"], group.part)])
    error_message = "The part is training, serving, storage or monitoring."
  }
}

variable "addons" {
  description = "Whether EKS installs and keeps its add-ons; only a test without a real EKS says no."
  type        = bool
  default     = true
}

variable "addon_versions" {
  description = "Versions of add-ons by name; without one AWS takes its default when the add-on is made and leaves it there."
  type        = map(string)
  default     = {}
}

variable "tags" {
  description = "Tags of machines and volumes, which the provider's default tags do not reach."
  type        = map(string)
  default     = {}
}
