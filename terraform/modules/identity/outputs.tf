output "role_arns" {
  description = "Roles by namespace and service account."
  value       = { for name, account in local.accounts : "${account.namespace}/${name}" => aws_iam_role.this[name].arn }
}

output "secret_arns" {
  description = "Secrets that wait for a person to put values in."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}
