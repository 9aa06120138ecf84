output "host" {
  description = "Address of the primary; it moves by itself on a fail-over."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "port" {
  description = "Port of the primary; TLS only."
  value       = aws_elasticache_replication_group.this.port
}

output "replication_group_id" {
  description = "Id of the replication group, for alarms."
  value       = aws_elasticache_replication_group.this.replication_group_id
}

output "user_secret_arn" {
  description = "Where user and password are kept."
  value       = aws_secretsmanager_secret.this.arn
}
