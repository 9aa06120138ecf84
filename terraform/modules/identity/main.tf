data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  # What each service account of ours may do: folders of buckets ("models" is a whole one), and topics.
  # Who consumes is a consumer group of its own name.
  wanted = {
    triton          = { namespace = "gems-serving", reads = ["models"] }
    ranker          = { namespace = "gems-serving", reads = ["models"] }
    transformer     = { namespace = "gems-serving", reads = ["models"], produces = ["impressions.v1"] }
    collector       = { namespace = "gems-streaming", reads = ["models"], produces = ["interactions.v1", "items.v1", "dead_letter.v1"] }
    learner         = { namespace = "gems-streaming", reads = ["models"], consumes = local.log, produces = ["drift.v1", "dead_letter.v1"] }
    archiver        = { namespace = "gems-streaming", writes = ["events", "artifacts/runs", "artifacts/feast"], consumes = local.log, produces = ["dead_letter.v1"] }
    kafka-topics    = { namespace = "gems-streaming", creates = concat(local.log, ["drift.v1", "dead_letter.v1"]) }
    materializer    = { namespace = "gems-features", reads = ["events"], writes = ["artifacts/feast"] }
    pipeline-runner = { namespace = "gems-training", reads = ["events"], writes = ["artifacts", "models"] }
    trainer         = { namespace = "gems-training", reads = ["events"], writes = ["artifacts", "models"] }
    preparer        = { namespace = "gems-training", reads = ["events"], writes = ["artifacts"] }
    mlflow          = { namespace = "gems-mlflow", writes = ["artifacts/mlflow"] }
  }
  log = ["interactions.v1", "impressions.v1", "items.v1"]

  # What came from elsewhere and has a role in our account.
  theirs = {
    external-secrets   = { namespace = "external-secrets", statements = local.secret_reader }
    keda-operator      = { namespace = "keda", statements = local.lag_reader }
    cluster-autoscaler = { namespace = "kube-system", statements = local.autoscaler }
  }

  ours = { for name, account in local.wanted : name => merge({ reads = [], writes = [], produces = [], consumes = [], creates = [] }, account) }

  accounts = merge(
    { for name, account in local.ours : name => { namespace = account.namespace, statements = local.statements[name] } },
    local.theirs,
  )
}

resource "aws_iam_role" "this" {
  for_each = local.accounts

  name = "${var.name}-${each.key}"

  # The tags that EKS sets are part of the trust: an association for another service account gets nothing.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:RequestTag/kubernetes-namespace"       = each.value.namespace
          "aws:RequestTag/kubernetes-service-account" = each.key
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.accounts

  name   = "least"
  role   = aws_iam_role.this[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value.statements })
}

resource "aws_eks_pod_identity_association" "this" {
  for_each = { for name, account in local.accounts : name => account if var.associate }

  cluster_name    = var.cluster_name
  namespace       = each.value.namespace
  service_account = each.key
  role_arn        = aws_iam_role.this[each.key].arn
}

# Names without values: a person puts them in (docs/operations.md), so no plan and no state ever holds one.
resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:Keys of our own and of others, turned over by a person with two valid ones side by side (docs/operations.md)
  for_each = var.secrets

  name        = "${var.secrets_prefix}/${each.key}"
  description = each.value
  kms_key_id  = var.kms_key_arn
}
