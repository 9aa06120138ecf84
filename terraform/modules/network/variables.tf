variable "name" {
  description = "Name of the environment; prefix of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name has 3 to 31 lower-case letters, digits and hyphens and begins with a letter."
  }
}

variable "cidr" {
  description = "Addresses of the VPC, a private /16; two environments that may ever be joined need different ones."
  type        = string

  validation {
    condition     = can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.).*/16$", var.cidr)) && can(cidrhost(var.cidr, 0))
    error_message = "The VPC needs a /16 out of the private ranges (RFC 1918)."
  }
}

variable "zones" {
  description = "Availability zones; MSK wants three."
  type        = number
  default     = 3

  validation {
    condition     = var.zones >= 2 && var.zones <= 3
    error_message = "Two or three availability zones."
  }
}

variable "nat_gateways" {
  description = "NAT gateways: one for all zones (cheap), or one a zone (a zone may fail alone)."
  type        = number
  default     = 1

  validation {
    condition     = var.nat_gateways == 1 || var.nat_gateways == var.zones
    error_message = "One NAT gateway, or one for each zone."
  }
}

variable "interface_endpoints" {
  description = "AWS services that are reached without leaving the VPC, by the last part of their endpoint names; each costs by the hour and zone."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "eks-auth", "sts"]

  validation {
    condition     = alltrue([for service in var.interface_endpoints : can(regex("^[a-z0-9.-]+$", service)) && service != "s3"])
    error_message = "Names such as ecr.api; S3 has its gateway already."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the flow logs."
  type        = string
}
