from tests.live import committed_db, shipped_afterwards

__all__ = ["committed_db", "shipped_afterwards"]
