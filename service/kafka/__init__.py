"""How Kafka is reached, the same in every service and command: configuration, passwords, topics, reasons."""
