output "bucket_arns" {
  description = "ARNs of the copies by the last part of the buckets' names."
  value       = { for bucket, made in module.bucket : bucket => made.arn }
}

output "bucket_names" {
  description = "Names of the copies, for the fail-over."
  value       = { for bucket, made in module.bucket : bucket => made.name }
}

output "kms_key_arn" {
  description = "Key of this region."
  value       = module.encryption.key_arn
}
