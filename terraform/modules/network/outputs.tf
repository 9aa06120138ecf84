output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "Subnets of nodes and pods, one a zone."
  value       = [for zone in sort(keys(local.zones)) : aws_subnet.private[zone].id]
}

output "public_subnet_ids" {
  description = "Subnets of load balancers that face the internet, one a zone."
  value       = [for zone in sort(keys(local.zones)) : aws_subnet.public[zone].id]
}

output "data_subnet_ids" {
  description = "Subnets of data stores, one a zone, without a way out."
  value       = [for zone in sort(keys(local.zones)) : aws_subnet.data[zone].id]
}

output "nat_addresses" {
  description = "Public addresses from which the cluster calls out, for allow lists of others."
  value       = [for address in aws_eip.nat : address.public_ip]
}
