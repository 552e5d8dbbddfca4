"""What a user touches: commands, the configuration file, the sandbox, the demo."""
