"""What books and courses tell of sync and async, measured on the spot: one file a claim in ledger/."""
