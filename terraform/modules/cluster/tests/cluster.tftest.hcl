mock_provider "aws" {
  source          = "../../testing"
  override_during = plan
}

variables {
  name               = "hidden-gems-test"
  kubernetes_version = "1.35"
  subnet_ids         = ["subnet-a", "subnet-b", "subnet-c"]
  kms_key_arn        = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000001"
  access = {
    owner = { principal_arn = "arn:aws:iam::111122223333:role/owner", policy = "AmazonEKSClusterAdminPolicy" }
    guest = { principal_arn = "arn:aws:iam::111122223333:role/guest", namespaces = ["gems-serving"] }
  }
  node_groups = {
    system   = { instance_types = ["m6a.xlarge"], part = "monitoring", min = 2, desired = 2, max = 3 }
    training = { instance_types = ["g5.2xlarge", "g4dn.2xlarge"], part = "training", capacity = "SPOT", gpu = true, max = 4 }
    large    = { instance_types = ["p4d.24xlarge"], part = "training", gpu = true, max = 1, disk_gb = 500 }
  }
}

run "safe" {
  command = plan
  assert {
    condition     = !aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].endpoint_private_access
    error_message = "Without named addresses the API must be private."
  }
  assert {
    condition     = aws_eks_cluster.this.access_config[0].authentication_mode == "API" && !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions
    error_message = "Access is by access entries only, and the creator has none for having created."
  }
  assert {
    condition     = contains(aws_eks_cluster.this.encryption_config[0].resources, "secrets") && length(aws_eks_cluster.this.enabled_cluster_log_types) == 5
    error_message = "Secrets must be encrypted under our key and every control-plane log written."
  }
  assert {
    condition     = aws_eks_access_policy_association.this["owner"].access_scope[0].type == "cluster" && aws_eks_access_policy_association.this["guest"].access_scope[0].type == "namespace"
    error_message = "Whoever has namespaces must be held to them."
  }
  assert {
    condition = alltrue([
      for name, group in aws_eks_node_group.this :
      var.node_groups[name].gpu == (length([for taint in group.taint : taint if taint.key == "nvidia.com/gpu" && taint.effect == "NO_SCHEDULE"]) == 1)
    ])
    error_message = "GPU nodes must be tainted nvidia.com/gpu, and no others."
  }
  assert {
    condition     = aws_eks_node_group.this["training"].ami_type == "AL2023_x86_64_NVIDIA" && aws_eks_node_group.this["system"].ami_type == "AL2023_x86_64_STANDARD"
    error_message = "GPU groups need the NVIDIA image, others must not pay for it."
  }
  assert {
    condition     = alltrue([for name in ["training", "large"] : aws_eks_node_group.this[name].scaling_config[0].min_size == 0 && aws_eks_node_group.this[name].scaling_config[0].desired_size == 0])
    error_message = "GPU groups must scale from zero."
  }
  assert {
    condition = alltrue([
      for template in aws_launch_template.nodes :
      template.metadata_options[0].http_tokens == "required" && template.metadata_options[0].http_put_response_hop_limit == 1 && template.block_device_mappings[0].ebs[0].encrypted == "true"
    ])
    error_message = "Nodes need IMDSv2 with one hop and encrypted disks."
  }
  assert {
    condition     = !contains([for attachment in aws_iam_role_policy_attachment.nodes : endswith(attachment.policy_arn, "AmazonEKS_CNI_Policy")], true)
    error_message = "Nodes must not hold the CNI's rights; its pods have them by Pod Identity."
  }
  assert {
    condition     = toset(concat(keys(aws_eks_addon.before_nodes), keys(aws_eks_addon.after_nodes))) == toset(["aws-ebs-csi-driver", "coredns", "eks-pod-identity-agent", "kube-proxy", "metrics-server", "vpc-cni"])
    error_message = "An add-on is missing or new."
  }
}

run "refused" {
  command = plan
  variables {
    name                = "Hidden Gems"
    kubernetes_version  = "1.21"
    subnet_ids          = ["subnet-a"]
    public_access_cidrs = ["0.0.0.0/0"]
    access              = { everybody = { principal_arn = "*", policy = "AmazonEKSClusterAdminPolicy" } }
    node_groups         = { gpu = { instance_types = ["p3.2xlarge"], part = "training", min = 2, desired = 2, max = 2 } }
  }
  expect_failures = [var.name, var.kubernetes_version, var.subnet_ids, var.public_access_cidrs, var.access, var.node_groups]
}
