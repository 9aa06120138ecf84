variable "name" {
  description = "Name of the environment; the key's alias."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "The name has 3 to 31 lower-case letters, digits and hyphens and begins with a letter."
  }
}
