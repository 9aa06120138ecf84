output "total_usd" {
  description = "Budget of a month in USD."
  value       = local.total
}
