output "bucket_names" {
  description = "Names of the buckets by the last part of their names."
  value       = { for bucket, made in module.bucket : bucket => made.name }
}

output "bucket_arns" {
  description = "ARNs of the buckets by the last part of their names."
  value       = { for bucket, made in module.bucket : bucket => made.arn }
}

output "repository_urls" {
  description = "Addresses of the repositories."
  value       = { for repository, made in aws_ecr_repository.this : repository => made.repository_url }
}
