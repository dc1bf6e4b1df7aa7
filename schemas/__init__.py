"""What the data is and what can be asked: the project files and the model that reads them. Pure: no Kafka, no HTTP."""
