"""gainbench: what would moving a FastAPI service to an async database driver gain?"""

__version__ = "0.1.0"
