"""Demo data: the communes of France, as the city-api of seed 000 would keep them."""
