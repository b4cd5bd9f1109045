"""What keeps a scheduler honest: of those that run one is active, and what falls due is sent once."""
