"""What tasks found in the web: searches, pages, and the checks of what is said about them."""
