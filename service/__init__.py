"""What both services share: settings from the environment, logs, the Kafka client's configuration, the admin port."""
