locals {
  # What nodes need before they are ready, and the service account that gets a role by Pod Identity.
  before_nodes = {
    eks-pod-identity-agent = {}
    kube-proxy             = {}
    vpc-cni = {
      policy          = "AmazonEKS_CNI_Policy"
      service_account = "aws-node"
      # NetworkPolicies of the manifests are obeyed by the CNI itself; prefixes raise the pods a node can hold.
      values = jsonencode({ enableNetworkPolicy = "true", env = { ENABLE_PREFIX_DELEGATION = "true" } })
    }
  }
  after_nodes = {
    coredns            = {}
    metrics-server     = {}
    aws-ebs-csi-driver = { policy = "service-role/AmazonEBSCSIDriverPolicy", service_account = "ebs-csi-controller-sa" }
  }
  with_role = { for name, addon in merge(local.before_nodes, local.after_nodes) : name => addon if can(addon.policy) && var.addons }
}

resource "aws_iam_role" "addon" {
  for_each = local.with_role

  name = "${var.name}-${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
    }]
  })
}

resource "aws_iam_role_policy_attachment" "addon" {
  for_each = local.with_role

  role       = aws_iam_role.addon[each.key].name
  policy_arn = "${local.policies}/${each.value.policy}"
}

resource "aws_eks_addon" "before_nodes" {
  for_each = var.addons ? local.before_nodes : {}

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = lookup(var.addon_versions, each.key, null)
  configuration_values        = try(each.value.values, null)
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  dynamic "pod_identity_association" {
    for_each = can(each.value.policy) ? [each.value] : []

    content {
      role_arn        = aws_iam_role.addon[each.key].arn
      service_account = pod_identity_association.value.service_account
    }
  }

  depends_on = [aws_iam_role_policy_attachment.addon]
}

resource "aws_eks_addon" "after_nodes" {
  for_each = var.addons ? local.after_nodes : {}

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = lookup(var.addon_versions, each.key, null)
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  dynamic "pod_identity_association" {
    for_each = can(each.value.policy) ? [each.value] : []

    content {
      role_arn        = aws_iam_role.addon[each.key].arn
      service_account = pod_identity_association.value.service_account
    }
  }

  depends_on = [aws_iam_role_policy_attachment.addon, aws_eks_node_group.this]
}
