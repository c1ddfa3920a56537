"""The endpoints: what is asked, what is answered. Queries are the business of ``cruds``."""
