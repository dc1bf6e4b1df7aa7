"""How a ClickHouse server is reached, the same in every service and command: address, TLS, time zone, reasons."""
