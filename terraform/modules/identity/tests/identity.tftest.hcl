mock_provider "aws" {
  source          = "../../testing"
  override_during = plan
}

variables {
  name              = "hidden-gems-test"
  cluster_name      = "hidden-gems-test"
  kms_key_arn       = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000001"
  kafka_cluster_arn = "arn:aws:kafka:eu-central-1:111122223333:cluster/hidden-gems-test/00000000-0000-0000-0000-000000000002-3"
  secrets_prefix    = "hidden-gems/staging"
  bucket_arns       = { artifacts = "arn:aws:s3:::artifacts", models = "arn:aws:s3:::models", events = "arn:aws:s3:::events" }
}

run "safe" {
  command = plan
  assert {
    condition = toset(keys(output.role_arns)) == toset([
      "gems-serving/triton", "gems-serving/ranker", "gems-serving/transformer", "gems-streaming/collector", "gems-streaming/learner",
      "gems-streaming/archiver", "gems-streaming/kafka-topics", "gems-features/materializer", "gems-training/pipeline-runner",
      "gems-training/trainer", "gems-training/preparer", "gems-mlflow/mlflow", "external-secrets/external-secrets", "keda/keda-operator", "kube-system/cluster-autoscaler",
    ])
    error_message = "The service accounts are an interface with the manifests."
  }
  assert {
    condition = alltrue([for name, association in aws_eks_pod_identity_association.this :
      jsondecode(aws_iam_role.this[name].assume_role_policy).Statement[0].Condition.StringEquals == {
        "aws:RequestTag/kubernetes-namespace" = association.namespace, "aws:RequestTag/kubernetes-service-account" = association.service_account
    }])
    error_message = "A role must trust its own service account and no other."
  }
  assert {
    condition = alltrue(flatten([for name, policy in aws_iam_role_policy.this : [
      for statement in jsondecode(policy.policy).Statement :
      !anytrue([for action in statement.Action : endswith(action, "*")]) && (!contains(statement.Resource, "*") || alltrue([for action in statement.Action : can(regex(":(Describe|Get)", action))]))
    ]]))
    error_message = "No right may have a wildcard action, and none that changes something may be for everything."
  }
  assert {
    condition = alltrue([for name in ["triton", "ranker", "transformer", "collector", "learner", "materializer"] :
      !strcontains(aws_iam_role_policy.this[name].policy, "s3:PutObject") || name == "materializer"
    ])
    error_message = "What serves reads models and writes no bucket."
  }
  assert {
    condition     = toset(flatten([for statement in jsondecode(aws_iam_role_policy.this["materializer"].policy).Statement : statement.Resource if contains(statement.Action, "s3:PutObject")])) == toset(["arn:aws:s3:::artifacts/feast/*"])
    error_message = "The materializer writes Feast's folder and nothing else."
  }
  assert {
    condition     = toset(flatten([for statement in jsondecode(aws_iam_role_policy.this["collector"].policy).Statement : statement.Resource if contains(statement.Action, "kafka-cluster:WriteData")])) == toset([for topic in ["interactions.v1", "items.v1", "dead_letter.v1"] : "arn:aws:kafka:eu-central-1:111122223333:topic/hidden-gems-test/00000000-0000-0000-0000-000000000002-3/${topic}"])
    error_message = "The collector writes its three topics and no other."
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.this["keda-operator"].policy, "Data") && !strcontains(aws_iam_role_policy.this["external-secrets"].policy, "Put")
    error_message = "KEDA sees lag and no messages; External Secrets reads."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.this["external-secrets"].policy).Statement[0].Resource == ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:hidden-gems/staging/*"]
    error_message = "An environment must not read another one's secrets."
  }
}

run "refused" {
  command = plan
  variables {
    name              = "Hidden Gems"
    kafka_cluster_arn = "arn:aws:kafka:everywhere"
    secrets_prefix    = "hidden-gems"
    bucket_arns       = { everything = "*" }
  }
  expect_failures = [var.name, var.kafka_cluster_arn, var.secrets_prefix, var.bucket_arns]
}
