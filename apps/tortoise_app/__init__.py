"""The to-do API of the twins beside it on Tortoise ORM: same tables, same contract, another mapper."""
