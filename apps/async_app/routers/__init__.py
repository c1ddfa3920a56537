"""The endpoints: what is asked, what is answered. SQL is the business of ``cruds``."""
