"""Training and converting the course's models."""
