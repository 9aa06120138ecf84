output "backend_config" {
  description = "Where the state of every environment lives: terraform output -raw backend_config > ../ENVIRONMENT/backend.hcl."
  value       = "bucket     = \"${module.storage.bucket_names["state"]}\"\nregion     = \"${var.region}\"\nkms_key_id = \"${module.encryption.key_arn}\"\n"
}

output "repository_urls" {
  description = "Where the images go."
  value       = module.storage.repository_urls
}
