"""HTTP to Kafka: the only door for feedback and gems."""
