output "cluster_config_env" {
  description = "What the manifests must know of AWS: terraform output -raw cluster_config_env."
  value       = module.platform.cluster_config_env
}

output "database_master_user_secret_arn" {
  description = "Where RDS keeps the master password."
  value       = module.platform.database_master_user_secret_arn
}

output "nat_addresses" {
  description = "Public addresses from which the cluster calls out."
  value       = module.platform.nat_addresses
}

output "replica_bucket_names" {
  description = "Copies of the buckets in the second region, for the fail-over."
  value       = module.replica.bucket_names
}

output "role_arns" {
  description = "Roles by namespace and service account."
  value       = module.platform.role_arns
}
