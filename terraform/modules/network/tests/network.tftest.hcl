mock_provider "aws" {
  source = "../../testing"
}

variables {
  name         = "hidden-gems-test"
  cidr         = "10.40.0.0/16"
  nat_gateways = 3
  kms_key_arn  = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000001"
}

run "safe" {
  assert {
    condition = 9 == length(distinct(concat(
      [for subnet in aws_subnet.private : subnet.cidr_block],
      [for subnet in aws_subnet.public : subnet.cidr_block],
      [for subnet in aws_subnet.data : subnet.cidr_block],
    )))
    error_message = "Nine different subnets are expected."
  }
  assert {
    condition     = aws_subnet.private["eu-central-1b"].cidr_block == "10.40.32.0/19" && aws_subnet.data["eu-central-1c"].cidr_block == "10.40.226.0/24"
    error_message = "The plan of addresses moved; that replaces every subnet."
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.public : subnet.map_public_ip_on_launch != true])
    error_message = "A machine in a public subnet must not get a public address unasked."
  }
  assert {
    condition     = length(aws_default_security_group.this.ingress) == 0 && length(aws_default_security_group.this.egress) == 0
    error_message = "The default security group must stay empty."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints.cidr_ipv4 == var.cidr && aws_vpc_security_group_ingress_rule.endpoints.from_port == 443
    error_message = "Endpoints answer HTTPS from the VPC and nothing else."
  }
  assert {
    condition     = length(aws_route_table.data.route) == 0 && length(aws_route_table_association.data) == 3
    error_message = "Data stores must have no way out."
  }
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.kms_key_id == var.kms_key_arn
    error_message = "Flow logs must hold all traffic, under our key."
  }
  assert {
    condition     = alltrue([for zone, table in aws_route_table.private : one(table.route).nat_gateway_id == aws_nat_gateway.this[zone].id])
    error_message = "With a gateway in each zone, no zone may depend on another."
  }
}

run "refused" {
  command = plan
  variables {
    name                = "Hidden Gems"
    cidr                = "8.8.0.0/16"
    nat_gateways        = 2
    interface_endpoints = ["s3"]
  }
  expect_failures = [var.name, var.cidr, var.nat_gateways, var.interface_endpoints]
}
