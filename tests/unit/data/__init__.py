"""Lists that tests compare with, and the program that makes them."""
