"""What people read: deliveries as the messages of each provider. Pure."""
