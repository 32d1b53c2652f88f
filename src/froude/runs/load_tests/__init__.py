"""What load tests of serving engines write: a reader a tool, and the measured point that each test is."""
