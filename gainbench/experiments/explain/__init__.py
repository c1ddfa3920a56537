"""What a gain is made of: step by step, and where a request's time goes."""
