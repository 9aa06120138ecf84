resource "aws_iam_role" "replication" {
  name = "${var.name}-replication"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "s3.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "replication" {
  name = "copy"
  role = aws_iam_role.replication.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        { Effect = "Allow", Action = ["kms:Decrypt"], Resource = [var.kms_key_arn] },
        { Effect = "Allow", Action = ["kms:Encrypt", "kms:GenerateDataKey"], Resource = [var.replica_kms_key_arn] },
      ],
      flatten([for bucket, replica in var.replica_arns : [
        { Effect = "Allow", Action = ["s3:GetReplicationConfiguration", "s3:ListBucket"], Resource = [module.bucket[bucket].arn] },
        {
          Effect   = "Allow"
          Action   = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
          Resource = ["${module.bucket[bucket].arn}/*"]
        },
        {
          Effect   = "Allow"
          Action   = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]
          Resource = ["${replica}/*"]
        },
      ]]),
    )
  })
}

# A deletion travels too: what somebody had erased must not live on abroad.
resource "aws_s3_bucket_replication_configuration" "this" {
  for_each = var.replica_arns

  role   = aws_iam_role.replication.arn
  bucket = module.bucket[each.key].name

  rule {
    id     = "everything"
    status = "Enabled"

    filter {}

    delete_marker_replication {
      status = "Enabled"
    }

    source_selection_criteria {
      sse_kms_encrypted_objects {
        status = "Enabled"
      }
    }

    destination {
      bucket        = each.value
      storage_class = "STANDARD_IA"

      encryption_configuration {
        replica_kms_key_id = var.replica_kms_key_arn
      }
    }
  }
}
