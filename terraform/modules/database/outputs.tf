output "host" {
  description = "Address of the database."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "Port of the database; TLS only."
  value       = aws_db_instance.this.port
}

output "arn" {
  description = "ARN of the database, for the copy of its backups."
  value       = aws_db_instance.this.arn
}

output "identifier" {
  description = "Identifier of the database, for alarms."
  value       = aws_db_instance.this.identifier
}

output "master_user_secret_arn" {
  description = "Where RDS keeps the master password that it turns over itself."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}
