"""What a person writes before it is sent: mentions, pastes, attachments, what can be completed."""
