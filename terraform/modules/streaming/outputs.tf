output "bootstrap_servers" {
  description = "Addresses of the brokers for SASL/IAM over TLS."
  value       = aws_msk_cluster.this.bootstrap_brokers_sasl_iam
}

output "cluster_arn" {
  description = "ARN of the Kafka cluster; topics and groups have ARNs beneath it."
  value       = aws_msk_cluster.this.arn
}

output "cluster_name" {
  description = "Name of the Kafka cluster, for alarms."
  value       = aws_msk_cluster.this.cluster_name
}

output "brokers" {
  description = "Number of brokers, for alarms."
  value       = aws_msk_cluster.this.number_of_broker_nodes
}
