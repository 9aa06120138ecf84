output "name" {
  description = "Name of the cluster."
  value       = aws_eks_cluster.this.name
}

output "endpoint" {
  description = "Address of the Kubernetes API."
  value       = aws_eks_cluster.this.endpoint
}

output "security_group_id" {
  description = "Security group of control plane and nodes; data stores let it in."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "autoscaling_groups" {
  description = "Auto Scaling group of every node group, by the group's name."
  value       = { for name, group in aws_eks_node_group.this : name => try(group.resources[0].autoscaling_groups[0].name, null) }
}
