"""How one thing is built: reusable components that know no environment by name."""
