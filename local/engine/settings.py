"""What lambda-local has said; ``__main__`` describes it."""

settings = {}
