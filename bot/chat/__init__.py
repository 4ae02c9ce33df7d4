"""One adapter a chat: draws views, brings presses and commands in."""
