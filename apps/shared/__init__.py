"""What both apps must agree on: tables, schemas, settings, errors, seed data. Knows neither app."""
