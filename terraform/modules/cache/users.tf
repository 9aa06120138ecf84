# The password that stands in the state is good for the first start only: docs/operations.md turns it over right away,
# and `ignore_changes` leaves it alone from then on.
data "aws_secretsmanager_random_password" "first" {
  password_length     = 48
  exclude_punctuation = true
}

resource "aws_elasticache_user" "gems" {
  user_id       = var.name
  user_name     = "gems"
  engine        = "valkey"
  access_string = "on ~* &* +@all -@admin -flushall -flushdb"

  authentication_mode {
    type      = "password"
    passwords = [data.aws_secretsmanager_random_password.first.random_password]
  }

  lifecycle {
    ignore_changes = [authentication_mode]
  }
}

resource "aws_elasticache_user_group" "this" {
  user_group_id = var.name
  engine        = "valkey"
  user_ids      = [aws_elasticache_user.gems.user_id]
}

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:Turned over by a person with two valid passwords (docs/operations.md); a function that does it would need rights on both
  name        = "${var.secrets_prefix}/redis"
  description = "User and password of Valkey; TLS is required"
  kms_key_id  = var.kms_key_arn

  tags = { part = "serving" }
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id = aws_secretsmanager_secret.this.id

  secret_string = jsonencode({
    username = aws_elasticache_user.gems.user_name
    password = data.aws_secretsmanager_random_password.first.random_password
  })

  lifecycle {
    ignore_changes = [secret_string]
  }
}
