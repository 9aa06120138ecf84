locals {
  kafka = { for kind in ["topic", "group"] : kind => replace(var.kafka_cluster_arn, ":cluster/", ":${kind}/") }
  here  = "${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}"
  aws   = data.aws_partition.current.partition

  # "artifacts/feast" is the folder feast of the bucket artifacts.
  folders = { for name, account in local.ours : name => [
    for path in concat(account.reads, account.writes) : {
      bucket = var.bucket_arns[split("/", path)[0]]
      within = join("/", concat(slice(split("/", path), 1, length(split("/", path))), ["*"]))
      writes = contains(account.writes, path)
    }
  ] }

  statements = { for name, account in local.ours : name => concat(
    [for folder in local.folders[name] : {
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [folder.bucket]
      # IfExists: a look at the bucket itself, or at an object that is not there, names no prefix.
      Condition = { StringLikeIfExists = { "s3:prefix" = [folder.within, trimsuffix(folder.within, "*")] } }
    }],
    [for folder in local.folders[name] : {
      Effect   = "Allow"
      Action   = concat(["s3:GetObject"], folder.writes ? ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"] : [])
      Resource = ["${folder.bucket}/${folder.within}"]
    }],
    [for folders in [local.folders[name]] : {
      Effect    = "Allow"
      Action    = concat(["kms:Decrypt"], length(account.writes) > 0 ? ["kms:GenerateDataKey"] : [])
      Resource  = [var.kms_key_arn]
      Condition = { StringEquals = { "kms:ViaService" = "s3.${data.aws_region.current.name}.amazonaws.com" } }
    } if length(folders) > 0],
    [for topics in [concat(account.produces, account.consumes, account.creates)] : {
      Effect   = "Allow"
      Action   = concat(["kafka-cluster:Connect"], length(account.produces) > 0 ? ["kafka-cluster:WriteDataIdempotently"] : [])
      Resource = [var.kafka_cluster_arn]
    } if length(topics) > 0],
    [for topics in [account.produces] : {
      Effect   = "Allow"
      Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
      Resource = [for topic in topics : "${local.kafka.topic}/${topic}"]
    } if length(topics) > 0],
    [for topics in [account.consumes] : {
      Effect   = "Allow"
      Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
      Resource = [for topic in topics : "${local.kafka.topic}/${topic}"]
    } if length(topics) > 0],
    [for topics in [account.consumes] : {
      Effect   = "Allow"
      Action   = ["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"]
      Resource = ["${local.kafka.group}/${name}"]
    } if length(topics) > 0],
    [for topics in [account.creates] : {
      Effect = "Allow"
      Action = [
        "kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic", "kafka-cluster:AlterTopic",
        "kafka-cluster:DescribeTopicDynamicConfiguration", "kafka-cluster:AlterTopicDynamicConfiguration",
      ]
      Resource = [for topic in topics : "${local.kafka.topic}/${topic}"]
    } if length(topics) > 0],
  ) }

  secret_reader = [
    {
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
      Resource = ["arn:${local.aws}:secretsmanager:${local.here}:secret:${var.secrets_prefix}/*"]
    },
    {
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [var.kms_key_arn]
      Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${data.aws_region.current.name}.amazonaws.com" } }
    },
  ]

  lag_reader = [
    { Effect = "Allow", Action = ["kafka-cluster:Connect"], Resource = [var.kafka_cluster_arn] },
    { Effect = "Allow", Action = ["kafka-cluster:DescribeTopic"], Resource = ["${local.kafka.topic}/*"] },
    { Effect = "Allow", Action = ["kafka-cluster:DescribeGroup"], Resource = ["${local.kafka.group}/*"] },
  ]

  autoscaler = [
    {
      Effect = "Allow"
      # AWS knows no resources for these calls: they only describe.
      Action = [
        "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeLaunchConfigurations",
        "autoscaling:DescribeScalingActivities", "autoscaling:DescribeTags", "ec2:DescribeImages", "ec2:DescribeInstanceTypes",
        "ec2:DescribeLaunchTemplateVersions", "ec2:GetInstanceTypesFromInstanceRequirements",
      ]
      Resource = ["*"]
    },
    {
      Effect   = "Allow"
      Action   = ["eks:DescribeNodegroup"]
      Resource = ["arn:${local.aws}:eks:${local.here}:nodegroup/${var.cluster_name}/*/*"]
    },
    {
      Effect    = "Allow"
      Action    = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
      Resource  = ["arn:${local.aws}:autoscaling:${local.here}:autoScalingGroup:*"]
      Condition = { StringEquals = { "aws:ResourceTag/k8s.io/cluster-autoscaler/${var.cluster_name}" = "owned" } }
    },
  ]
}
