"""The pipeline: readings from SQLite to Azure Cosmos DB and Parquet, one stage a module."""
