data "aws_caller_identity" "current" {}

locals {
  name           = "hidden-gems-${var.environment}"
  secrets_prefix = "hidden-gems/${var.environment}"
}

module "encryption" {
  source = "../encryption"

  name = local.name
}

module "network" {
  source = "../network"

  name                = local.name
  cidr                = var.network.cidr
  nat_gateways        = var.network.nat_gateways
  interface_endpoints = var.network.interface_endpoints
  kms_key_arn         = module.encryption.key_arn
}

module "cluster" {
  source = "../cluster"

  name                = local.name
  kubernetes_version  = var.kubernetes_version
  subnet_ids          = module.network.private_subnet_ids
  kms_key_arn         = module.encryption.key_arn
  public_access_cidrs = var.public_access_cidrs
  access              = var.access
  node_groups         = var.node_groups
  tags                = var.tags
}

module "storage" {
  source = "../storage"

  name                = local.name
  buckets             = var.buckets
  kms_key_arn         = module.encryption.key_arn
  replica_arns        = var.replica.bucket_arns
  replica_kms_key_arn = var.replica.kms_key_arn
  replica_region      = var.replica.region
  force_destroy       = var.removable
}

module "streaming" {
  source = "../streaming"

  name                     = local.name
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.data_subnet_ids
  client_security_group_id = module.cluster.security_group_id
  kms_key_arn              = module.encryption.key_arn
  instance_type            = var.kafka.instance_type
  brokers_per_zone         = var.kafka.brokers_per_zone
  volume_gb                = var.kafka.volume_gb
}

module "cache" {
  source = "../cache"

  name                     = local.name
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.data_subnet_ids
  client_security_group_id = module.cluster.security_group_id
  kms_key_arn              = module.encryption.key_arn
  node_type                = var.cache.node_type
  nodes                    = var.cache.nodes
  secrets_prefix           = local.secrets_prefix
}

module "database" {
  source = "../database"

  name                     = local.name
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.data_subnet_ids
  client_security_group_id = module.cluster.security_group_id
  kms_key_arn              = module.encryption.key_arn
  instance_class           = var.database.instance_class
  storage_gb               = var.database.storage_gb
  multi_az                 = var.database.multi_az
  deletion_protection      = !var.removable
}

module "identity" {
  source = "../identity"

  name              = local.name
  cluster_name      = module.cluster.name
  bucket_arns       = module.storage.bucket_arns
  kafka_cluster_arn = module.streaming.cluster_arn
  kms_key_arn       = module.encryption.key_arn
  secrets_prefix    = local.secrets_prefix
}

module "observability" {
  source = "../observability"

  name                 = local.name
  kms_key_arn          = module.encryption.key_arn
  alarm_emails         = var.alarm_emails
  kafka_cluster_name   = module.streaming.cluster_name
  kafka_brokers        = module.streaming.brokers
  replication_group_id = module.cache.replication_group_id
  cache_nodes          = var.cache.nodes
  database_identifier  = module.database.identifier
}

module "budget" {
  source = "../budget"

  name        = local.name
  monthly_usd = var.budget_usd
  topic_arn   = module.observability.topic_arn
}
