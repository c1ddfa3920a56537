"""The Locust web UI on all arms at once: its process, the sitting behind it, and the pages it adds."""
