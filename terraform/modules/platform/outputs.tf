output "cluster_config_env" {
  description = "What the manifests must know of AWS, one KEY=value a line: manifests/apps/ENVIRONMENT/cluster-config.env."
  value = join("", [for pair in [
    ["AWS_REGION", var.region],
    ["CLUSTER_NAME", module.cluster.name],
    ["ACCOUNT_ID", data.aws_caller_identity.current.account_id],
    ["ECR_REGISTRY", "${data.aws_caller_identity.current.account_id}.dkr.ecr.${var.region}.amazonaws.com"],
    ["ARTIFACTS_BUCKET", module.storage.bucket_names["artifacts"]],
    ["MODELS_BUCKET", module.storage.bucket_names["models"]],
    ["EVENTS_BUCKET", module.storage.bucket_names["events"]],
    ["KAFKA_BOOTSTRAP_SERVERS", module.streaming.bootstrap_servers],
    ["REDIS_HOST", module.cache.host],
    ["REDIS_PORT", module.cache.port],
    ["POSTGRES_HOST", module.database.host],
    ["POSTGRES_PORT", module.database.port],
    ["DOMAIN", var.domain],
  ] : "${pair[0]}=${pair[1]}\n"])
}

output "database_arn" {
  description = "ARN of the database, for the copy of its backups."
  value       = module.database.arn
}

output "database_master_user_secret_arn" {
  description = "Where RDS keeps the master password that it turns over itself."
  value       = module.database.master_user_secret_arn
}

output "nat_addresses" {
  description = "Public addresses from which the cluster calls out."
  value       = module.network.nat_addresses
}

output "role_arns" {
  description = "Roles by namespace and service account."
  value       = module.identity.role_arns
}
