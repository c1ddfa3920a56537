"""A first plan and Locust file for somebody's app, from what the app itself tells of its endpoints."""
