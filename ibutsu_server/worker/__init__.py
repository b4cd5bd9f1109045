"""What keeps a worker honest: it sends again what was lost, and stores what it did."""
