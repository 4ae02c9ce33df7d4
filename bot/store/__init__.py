"""What Cohort remembers: tables, sessions and the outbox."""
