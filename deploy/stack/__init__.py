"""The full stack (docker-compose.yml): its secrets, its certificates, its loggers."""
